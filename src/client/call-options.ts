import type { CancelSignal } from '../core/cancellation.js';

/** How long a caller waits for one answer. */
export interface CallOptions {
  /** Milliseconds that the call may take, with all its attempts, more than 0. @default the client's `timeoutMs` */
  readonly timeoutMs?: number;
  /** Aborted: the call is over, with CANCELLED, and what is under way for it is ended. */
  readonly signal?: CancelSignal;
}

/** How one `predict` is to be answered. */
export interface PredictCallOptions extends CallOptions {
  /** Aliases of the outputs that are wanted. @default all outputs of the signature */
  readonly outputs?: readonly string[];
}

/** How a wait for a server is to end. */
export interface WaitForReadyOptions extends CallOptions {
  /** Milliseconds that the wait may take, more than 0. @default infinity */
  readonly timeoutMs?: number;
  /** Milliseconds from one look to the next. @default 500 */
  readonly pollIntervalMs?: number;
}

/** How a reload is to be answered. */
export interface ReloadOptions extends CallOptions {
  /** Counters whose increase over the call is to be told, by TensorFlow's names or the server's. @default none */
  readonly counters?: readonly string[];
}
