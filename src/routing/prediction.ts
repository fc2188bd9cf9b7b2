import type { ServableId } from '../core/servable-id.js';
import type { TensorMap } from '../core/tensor.js';
import type { Patience } from './deadline.js';

/** How one request is to be answered. */
export interface PredictOptions extends Patience {
  /** Aliases of the outputs to compute. @default all outputs of the signature */
  readonly outputs?: readonly string[];
}

/** An answer, and which version gave it. */
export interface Prediction {
  readonly id: ServableId;
  /** By alias. The caller's own. */
  readonly outputs: TensorMap;
}
