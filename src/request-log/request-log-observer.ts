import type { ServingError } from '../core/errors.js';

/** Why a sampled request is not in the log. `write failed` is also told of what a collector did not take. */
export type LogDropReason = 'queue full' | 'write failed' | 'closed' | 'encode failed';

/** A request that was written. */
export interface LoggedRequest {
  /** Whose request it was. */
  readonly model: string;
  /** Of its record, frame included; where a collector took it, of its tensors. */
  readonly bytes: number;
}

/** A sampled request that was not written. */
export interface DroppedRequest {
  /** Whose request it was. */
  readonly model: string;
  /** Why it is in no log. */
  readonly reason: LogDropReason;
}

/** Is told what becomes of sampled requests, for metrics; after the fact, and it changes nothing. */
export interface RequestLogObserver {
  /** A sampled request is in a file, or with the collector. */
  onLogged?(request: LoggedRequest): void;
  /** A sampled request is in no file, and why. */
  onDropped?(request: DroppedRequest): void;
  /** Each distinct trouble once, until writing has gone well again. */
  onFailure?(error: ServingError): void;
}
