/** What the host's thread and the timer's thread share: three 64-bit cells, of which the first two are one of 32 bits. */
export interface TimerCells {
  /** Counts changes; the thread waits on it. */
  readonly changes: Int32Array;
  /** Nanoseconds of `process.hrtime`: when to wake the host; or `noWake`, or `endOfThread`. */
  readonly wakeNs: BigInt64Array;
}

export const timerBytes = 16;
export const noWake = 0n;
export const endOfThread = -1n;

export function timerCells(memory: SharedArrayBuffer): TimerCells {
  return { changes: new Int32Array(memory, 0, 1), wakeNs: new BigInt64Array(memory, 8, 1) };
}
