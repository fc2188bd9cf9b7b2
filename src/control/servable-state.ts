import type { ServingError } from '../core/errors.js';
import type { BatchingStatus, DeviceStatus } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';

/**
 * The life of a loaded version.
 *
 * ```
 *   START ──► LOADING ──► AVAILABLE ──► DRAINING ──► UNLOADING ──► END
 *     │          │                                                  ▲
 *     └──────────┴──── no longer wanted, or the load failed ────────┘
 * ```
 *
 * - `START`: wanted, not begun.
 * - `LOADING`: being read and built.
 * - `AVAILABLE`: answers requests.
 * - `DRAINING`: answers those that it has, takes no new ones.
 * - `UNLOADING`: gives its memory back.
 * - `END`: gone; with an error, where the load failed (or, against its contract, the unload).
 *
 * DRAINING is ours; the others are TF Serving's (core/servable_state.h), which counts draining as UNLOADING.
 */
export type ServableState = 'START' | 'LOADING' | 'AVAILABLE' | 'DRAINING' | 'UNLOADING' | 'END';

/** A load that has failed and is to be tried again. */
export interface RetryStatus {
  /** Attempts that have failed. */
  readonly failures: number;
  /** Why the last one did. */
  readonly error: ServingError;
  /** Milliseconds from then to the next attempt, which comes sooner when the files change. */
  readonly nextAttemptMs: number;
}

/** Where a version stands. */
export interface ServableStatus {
  /** Which version it is. */
  readonly id: ServableId;
  /** Where in its life it is. */
  readonly state: ServableState;
  /** Why it ended, where it ended because it could not be loaded, or did not end in good order. */
  readonly error?: ServingError;
  /** While LOADING: how the attempts so far went, where one has failed. */
  readonly retry?: RetryStatus;
  /** What is odd about a version that is served: its files have changed since it was loaded, say. */
  readonly warning?: ServingError;
  /** Bytes that it holds while it is loaded, where that can be measured. */
  readonly memoryBytes?: number;
  /** Whether requests share runs, while it is loaded; absent where that was not asked for. */
  readonly batching?: BatchingStatus;
  /** Where it runs, while it is loaded. */
  readonly device?: DeviceStatus;
}

/** A step in the life of a version, or something that was found out about it on the way. */
export interface StateChange {
  /** The state that began. */
  readonly state: ServableState;
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
  /** What had gone wrong: it ended so, it is to be tried again, or it is served with a warning. */
  readonly error?: ServingError;
}
