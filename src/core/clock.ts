/** Time as the library sees it, so that a test can own it. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes backwards, whatever happens to the wall clock. */
  now(): number;
  /**
   * Calls `callback` once, `delayMs` from now, and returns what cancels it. The timer does not keep the process
   * alive.
   */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** The process's own monotonic clock and its timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, maxTimerMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A longer delay overflows setTimeout's 32 bits, which then fires at once. */
const maxTimerMs = 2 ** 31 - 1;
