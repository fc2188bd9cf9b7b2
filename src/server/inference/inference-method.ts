import type { ServableId } from '../../core/servable-id.js';
import type { Signature } from '../../core/signature.js';
import type { TensorMap } from '../../core/tensor.js';

/** What a model says of examples by one signature. */
export interface Inferred {
  readonly id: ServableId;
  readonly signature: Signature;
  /** By the signature's aliases. */
  readonly outputs: TensorMap;
  /** How many examples there were. */
  readonly examples: number;
}

/** What is made of examples in one way of asking. */
export interface InferenceMethod<T> {
  /** The aliases of the outputs that the result is made of. @throws ServingError where the signature has them not. */
  readonly outputsOf: (id: ServableId, signature: Signature) => readonly string[];
  /** @throws ServingError where the outputs are not what it can be made of. */
  readonly resultOf: (inferred: Inferred) => T;
}
