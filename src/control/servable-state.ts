import type { ServingError } from '../core/errors.js';
import type { BatchingStatus } from '../core/servable.js';
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

/** Where a version stands. */
export interface ServableStatus {
  readonly id: ServableId;
  readonly state: ServableState;
  /** Why it ended, where it ended because it could not be loaded, or did not end in good order. */
  readonly error?: ServingError;
  /** Whether requests share runs, while it is loaded; absent where that was not asked for. */
  readonly batching?: BatchingStatus;
}
