import type { Batch } from './batch.js';
import type { ResolvedBatching } from './batching-options.js';

/** How large batches get, and how long they wait for company. */
export interface BatchPolicy {
  /** Rows of a batch, at most, as of now. At least 1. */
  readonly maxRows: number;
  /** When a batch goes although it is not full, on the clock, if a thread is free. Asked again as tasks come. */
  dueMs(batch: Batch): number;
}

/** Batches of a fixed size, which wait a fixed time from their first task on. */
export class FixedPolicy implements BatchPolicy {
  readonly maxRows: number;
  readonly #timeoutMs: number;

  constructor({ maxRows, batchTimeoutMicros }: ResolvedBatching) {
    this.maxRows = maxRows;
    this.#timeoutMs = batchTimeoutMicros / 1000;
  }

  dueMs({ firstArrivalMs }: Batch): number {
    return firstArrivalMs + this.#timeoutMs;
  }
}
