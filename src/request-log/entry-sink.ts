import type { RequestEntry } from './request-entry.js';

/** Where the entries of a log go. Used by one caller at a time: `add` some, `commit`, and so on. */
export interface EntrySink {
  /** True for a while after trouble: what comes is to be dropped. */
  readonly isResting: boolean;
  /** Does what is to be done with an entry at once; returns its bytes. Throws where it cannot be encoded. */
  add(entry: RequestEntry): number;
  /** Does the rest. Resolves with whether each entry that was added since the last time was kept. Never rejects. */
  commit(): Promise<readonly boolean[]>;
  /** Resolves when nothing is going on by itself. Never rejects. */
  settled(): Promise<void>;
  /** Completes what is open. Never rejects. */
  close(): Promise<void>;
}
