import type { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import type { ServableId } from '../core/servable-id.js';

/** One run of a batch, or of a part of one that had failed. */
export interface BatchRun {
  readonly id: ServableId;
  /** Requests, or pieces of large ones. */
  readonly requests: number;
  /** Of those, the ones that a `ModelServer` was asked: none in a warm-up. */
  readonly asked: number;
  /** Rows of the requests. */
  readonly rows: number;
  /** The same, by request. */
  readonly requestRows: readonly number[];
  /** Rows that were added to reach an allowed size. */
  readonly padding: number;
  /** Microseconds that each request had waited when the run began. */
  readonly waitMicros: readonly number[];
  readonly runMicros: number;
  /** 0 for the batch as it was formed, 1 for its halves after it failed, and so on: above 0 it is extra work. */
  readonly attempt: number;
  /** Why it failed. */
  readonly error?: ServingError;
  /** True where it failed, holds several requests and may be the fault of one of them: its halves are run again. */
  readonly isSplit: boolean;
}

/** A request that was not run. */
export interface BatchRefusal {
  readonly id: ServableId;
  readonly rows: number;
  /** UNAVAILABLE where it found no room, DEADLINE_EXCEEDED where it waited too long, CANCELLED where its caller left. */
  readonly error: ServingError;
}

/** A request that is larger than a batch, and was cut. */
export interface RequestSplit {
  readonly id: ServableId;
  readonly rows: number;
  readonly pieces: number;
}

/** Is told what batching does, for metrics; after the fact, and it changes nothing. */
export interface BatchingObserver {
  onRun?(run: BatchRun): void;
  onRefused?(refusal: BatchRefusal): void;
  onSplit?(split: RequestSplit): void;
}

/** @internal */
export function notifyRefusal(observer: BatchingObserver | undefined, refusal: BatchRefusal): void {
  notify((told: BatchRefusal) => observer?.onRefused?.(told), refusal);
}
