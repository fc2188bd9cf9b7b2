import type { ServableId } from '../../core/servable-id.js';

/**
 * What `regress` answers, and by which version and signature.
 *
 * The signature has the one output `outputs`: float32 as in TF Serving, or float64, of shape [rows] or [rows, 1]. Source: TF
 * Serving, servables/tensorflow/regressor.cc, as are the errors' texts.
 */
export interface Regression {
  /** The version that answered. */
  readonly id: ServableId;
  /** Its name: `serving_default` where the request named none. */
  readonly signature: string;
  /**
   * One for each example, in their order. Plain numbers, since that is what they are read as and sent as, and a float64
   * loses nothing.
   */
  readonly values: readonly number[];
}
