/** Wakes the host's thread at a moment. It knows one moment at a time. */
export interface DeadlineTimer {
  /** Sets the moment, in milliseconds on the clock; it takes the place of the one before. */
  set(deadlineMs: number): void;
  /** Forgets the moment. */
  clear(): void;
  /** Ends the timer: nothing is called any more. */
  close(): Promise<void>;
}
