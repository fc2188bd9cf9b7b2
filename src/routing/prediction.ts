import { assertNumber } from '../core/option-check.js';
import type { Patience } from '../core/patience.js';
import type { ServableId } from '../core/servable-id.js';
import type { TensorMap } from '../core/tensor.js';

/** How one request is to be answered. */
export interface PredictOptions extends Patience {
  /** Aliases of the outputs to compute. @default all outputs of the signature */
  readonly outputs?: readonly string[];
  /**
   * Which batch goes first where batches wait: an integer, higher ones first; a lower one is passed over 16 times at
   * most. Requests of different priorities do not share a run.
   *
   * @default 0
   */
  readonly priority?: number;
}

/** An answer, and which version gave it. */
export interface Prediction {
  /** The version that answered. */
  readonly id: ServableId;
  /** By alias. The caller's own. */
  readonly outputs: TensorMap;
}

/** @internal @throws ServingError INVALID_ARGUMENT for a priority that is none. */
export function checkPriority(priority: number | undefined): number | undefined {
  if (priority !== undefined)
    assertNumber(priority, 'priority', { min: Number.MIN_SAFE_INTEGER, isInteger: true });
  return priority;
}
