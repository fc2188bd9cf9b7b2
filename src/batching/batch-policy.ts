import type { ServingError } from '../core/errors.js';
import type { Batch } from './batch.js';
import type { ResolvedBatching } from './batching-options.js';

/** What a request finds when it comes. */
export interface Arrival {
  readonly rows: number;
  /** Rows of the same version that wait. */
  readonly waitingRows: number;
  /** When the oldest of those came; infinity where none wait. */
  readonly firstArrivalMs: number;
  /** When each batch that runs, of whatever model, is expected to end. */
  readonly busyUntilMs: readonly number[];
  readonly nowMs: number;
}

/** A run that has ended well. */
export interface FinishedRun {
  readonly rows: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

/** How large the batches of a version get, how long they wait for company, and whom they leave behind. */
export interface BatchPolicy {
  /** Rows of a batch, at most, as of now. At least 1. */
  readonly maxRows: number;
  /** Batches that may wait, the open ones included. */
  readonly maxEnqueuedBatches: number;
  /** Why a request is not taken in, though there is room; undefined where it is. Absent: all are. */
  refuse?(arrival: Arrival): ServingError | undefined;
  /** When a batch goes although it is not full, on the clock, if a thread is free. Asked again as tasks come and go. */
  dueMs(batch: Batch): number;
  /** Rows of a batch that starts now, at most; the rest of it waits on. */
  rowsFor(batch: Batch, nowMs: number): number;
  /** Until when a task that came then may start in a run of so many rows; it is ended as late otherwise. */
  latestStartMs(arrivedMs: number, rows: number): number;
  /** When a run is expected to end. */
  endMs(run: { readonly rows: number; readonly startedMs: number }, nowMs: number): number;
  /** Takes in that a run has ended. */
  onRun(run: FinishedRun): void;
  /** Takes in how long after its coming the oldest task of a run was answered; infinity where tasks were too late. */
  onAnswer(latencyMs: number): void;
}

/** How much a new run weighs against the mean so far: some ten runs are remembered. */
const weight = 0.1;

/** Batches of a fixed size, which wait a fixed time from their first task on. */
export class FixedPolicy implements BatchPolicy {
  readonly maxRows: number;
  readonly maxEnqueuedBatches: number;
  readonly #timeoutMs: number;
  #meanMs = 0;

  constructor({ maxRows, maxEnqueuedBatches, batchTimeoutMicros }: ResolvedBatching) {
    this.maxRows = maxRows;
    this.maxEnqueuedBatches = maxEnqueuedBatches;
    this.#timeoutMs = batchTimeoutMicros / 1000;
  }

  dueMs({ firstArrivalMs }: Batch): number {
    return firstArrivalMs + this.#timeoutMs;
  }

  rowsFor(): number {
    return this.maxRows;
  }

  latestStartMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** As long as runs take on the average: for other versions, which may want to know when a thread is free. */
  endMs({ startedMs }: { readonly startedMs: number }): number {
    return startedMs + this.#meanMs;
  }

  onRun({ startedMs, endedMs }: FinishedRun): void {
    const tookMs = endedMs - startedMs;
    this.#meanMs += (tookMs - this.#meanMs) * (this.#meanMs === 0 ? 1 : weight);
  }

  onAnswer(): void {}
}
