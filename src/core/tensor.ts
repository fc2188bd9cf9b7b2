import type { DType, TensorDataByDType } from './dtype.js';

/**
 * A dense, row-major array of elements of one dtype. Axis 0 is the batch, where there is one.
 *
 * `data.length` equals the product of `shape`; a scalar has shape `[]` and one element. What `predict` returns is
 * the caller's own: nothing else refers to it.
 */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: TensorDataByDType[D];
  /** On a scores tensor made from an ONNX map (ZipMap): the map's keys, naming the last axis, in its order. */
  readonly classes?: readonly string[];
}

/** Tensors by alias. */
export type TensorMap = Readonly<Record<string, Tensor>>;
