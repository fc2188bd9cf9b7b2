import type { TensorMap } from '../core/tensor.js';

/** A request to run before a version is available. */
export interface WarmupRequest {
  /** The signature's name. @default 'serving_default' */
  readonly signature?: string;
  /** By alias. */
  readonly inputs: TensorMap;
  /** Aliases of the outputs to compute. @default all */
  readonly outputs?: readonly string[];
}
