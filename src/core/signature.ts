import type { DType } from './dtype.js';

/** One axis as a model declares it: a fixed size, a name shared by equal axes, or null where nothing is said. */
export type Dim = number | string | null;

/** What a model says of one of its inputs or outputs. */
export interface TensorSpec {
  /** The name in the ONNX graph; the alias is the key under which the spec stands. */
  readonly name: string;
  /** What a tensor of another dtype is refused for. */
  readonly dtype: DType;
  /**
   * The declared axes; axis 0 is the batch where it is not fixed. `[]` is a scalar, or a tensor of which the model
   * states no rank: onnxruntime does not tell them apart, so no rank is enforced for it.
   */
  readonly shape: readonly Dim[];
  /** True for an overridable initializer: an input with a default, which a request may leave out. */
  readonly isOptional?: boolean;
}

/** How a signature may be called, in TF Serving's words. */
export type SignatureMethod = 'predict' | 'classify' | 'regress';

/**
 * One way of calling a model: input and output aliases and what stands behind them.
 *
 * Every model has `serving_default`, made from its graph unless the model defines one of that name.
 */
export interface Signature {
  /** What requests call it. */
  readonly name: string;
  /** Which calls it answers. */
  readonly method: SignatureMethod;
  /** By alias, in the order of the graph. */
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  /** By alias, in the order of the graph. */
  readonly outputs: Readonly<Record<string, TensorSpec>>;
  /**
   * Outputs that cannot be returned as tensors, by alias, with their ONNX type in words. A request that names one
   * is refused; one that names no outputs does not get them.
   */
  readonly unrepresentableOutputs?: Readonly<Record<string, string>>;
  /** Labels of the classes of a scores output, in the order of its last axis. */
  readonly classes?: readonly string[];
  /**
   * The signatures that this one asks at once: rows may share a run where those of all parts may. On none that a model has;
   * a server makes such signatures for requests that ask several.
   */
  readonly parts?: readonly Signature[];
}

/** The signature that answers a request that names none. Source: TF Serving, `kDefaultServingSignatureDefKey`. */
export const defaultSignatureName = 'serving_default';
