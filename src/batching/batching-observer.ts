import type { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import type { ServableId } from '../core/servable-id.js';

/** One run of a batch, or of a part of one that had failed. */
export interface BatchRun {
  /** Which version ran. */
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
  /** Microseconds from handing the batch over to its end. */
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
  /** Which version was asked. */
  readonly id: ServableId;
  /** Rows of what was refused. */
  readonly rows: number;
  /** UNAVAILABLE where it found no room, DEADLINE_EXCEEDED where it waited too long, CANCELLED where its caller left. */
  readonly error: ServingError;
}

/** A request that is larger than a batch, and was cut. */
export interface RequestSplit {
  /** Which version was asked. */
  readonly id: ServableId;
  /** Rows of the request. */
  readonly rows: number;
  /** Batches that it goes into. */
  readonly pieces: number;
}

/** Is told what batching does, for metrics; after the fact, and it changes nothing. */
export interface BatchingObserver {
  /** Requests have been run together, or one alone, well or not. */
  onRun?(run: BatchRun): void;
  /** A request, or a piece of one, was not run: a queue was full, or it was late or aborted. */
  onRefused?(refusal: BatchRefusal): void;
  /** A request that is larger than a batch was cut. */
  onSplit?(split: RequestSplit): void;
}

/** @internal */
export function notifyRefusal(observer: BatchingObserver | undefined, refusal: BatchRefusal): void {
  notify((told: BatchRefusal) => observer?.onRefused?.(told), refusal);
}
