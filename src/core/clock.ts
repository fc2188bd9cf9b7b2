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

/** @internal The longest delay that a timer of the runtime takes: 2^31 - 1 ms, 25 days. A longer one would fire at once. */
export const maxTimerMs = 2 ** 31 - 1;

/** The process's own monotonic clock and its timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(delayMs, callback) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number) => {
      const nextMs = Math.min(leftMs, maxTimerMs);
      timer = setTimeout(() => (leftMs > nextMs ? wait(leftMs - nextMs) : callback()), nextMs);
      timer.unref();
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};
