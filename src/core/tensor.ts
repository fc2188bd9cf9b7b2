import { quote, typedArrayName } from './describe.js';
import type { DType, TensorDataByDType } from './dtype.js';
import { isDType } from './dtype.js';
import type { ElementByDType } from './elements.js';
import { convertElements } from './elements.js';
import { invalidArgument } from './errors.js';
import { encodeBfloat16, encodeFloat16 } from './half.js';
import type { TensorFault } from './tensor-fault.js';
import { findTensorFault, multiplyDims, shapeFault } from './tensor-fault.js';

/**
 * A dense, row-major array of elements of one dtype. Axis 0 is the batch, where there is one.
 *
 * `data.length` equals the product of `shape`; a scalar has shape `[]` and one element. What `predict` returns is
 * the caller's own: nothing else refers to it.
 */
export interface Tensor<D extends DType = DType> {
  /** Which decides what `data` is. */
  readonly dtype: D;
  /** Sizes of the axes, axis 0 the batch; `[]` for a scalar. */
  readonly shape: readonly number[];
  /** The elements in row-major order, as many as the product of the shape. */
  readonly data: TensorDataByDType[D];
  /** On a scores tensor made from an ONNX map (ZipMap): the map's keys, naming the last axis, in its order. */
  readonly classes?: readonly string[];
}

/** Tensors by alias. */
export type TensorMap = Readonly<Record<string, Tensor>>;

/** @internal Puts a tensor under its alias. Not by plain assignment: an alias may be `__proto__`. */
export function putTensor(tensors: Record<string, Tensor>, alias: string, tensor: Tensor): void {
  if (alias === '__proto__') Object.defineProperty(tensors, alias, { value: tensor, enumerable: true });
  else tensors[alias] = tensor;
}

/** The `Float16Array` of newer runtimes, as far as it is used here. */
export interface NativeFloat16Array {
  readonly [Symbol.toStringTag]: 'Float16Array';
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly length: number;
}

/** What {@link tensor} takes as data of each dtype, beside the dtype's own array. */
export type TensorInput<D extends DType> =
  | TensorDataByDType[D]
  | (D extends 'string' ? never : readonly ElementByDType[D][])
  | (D extends 'float16' ? NativeFloat16Array : never)
  | (D extends 'float16' | 'bfloat16' ? Float32Array : never)
  | (D extends 'uint8' ? Uint8ClampedArray : never);

/**
 * A tensor of `dtype` and `shape` around `data`, in row-major order.
 *
 * The dtype's own array is kept, not copied, and so is an array of strings or of bytes: while a request is on its
 * way, leave it as it is. A `Float16Array` for float16 and a `Uint8ClampedArray` for uint8 are kept by a view.
 * A plain array is converted, and `shape` is copied. For float16 and bfloat16 a `Uint16Array` holds raw bits, while a
 * plain array or a `Float32Array` holds numbers, which are rounded to the nearest, ties to even.
 *
 * @throws ServingError INVALID_ARGUMENT where the dtype is unknown, the data are of another type or do not fit it, or
 *   their number is not the product of the shape.
 */
export function tensor<D extends DType>(dtype: D, shape: readonly number[], data: TensorInput<D>): Tensor<D> {
  const made = {
    dtype,
    shape: Array.isArray(shape) ? shape.slice() : shape,
    data: isDType(dtype) ? toData(dtype, data) : data,
  };
  const fault = findTensorFault(made);
  if (fault !== undefined) throw refuse(`Cannot make a tensor of ${String(dtype)}`, fault);
  return made as Tensor<D>;
}

/**
 * The number of elements of a tensor of this shape: 1 for a scalar, 0 where an axis is 0.
 *
 * @throws ServingError INVALID_ARGUMENT unless every axis, and the product, is a non-negative safe integer.
 */
export function elementCount(shape: readonly number[]): number {
  const count = multiplyDims(shape);
  if (count < 0) throw refuse('Cannot count elements', shapeFault(shape));
  return count;
}

/**
 * Passes if `value` is a tensor through and through, so that native code may read it: hot path of every request.
 * Reads each property once; does not defend against one that answers otherwise the next time.
 *
 * @throws ServingError INVALID_ARGUMENT, with `input` set to `alias`, for the first thing that is wrong.
 */
export function assertTensor(value: unknown, alias: string): asserts value is Tensor {
  const fault = findTensorFault(value);
  if (fault !== undefined) throw refuse(`Cannot use input ${quote(alias)}`, fault, alias);
}

function refuse(action: string, fault: TensorFault, input?: string) {
  const { actual, expected } = fault;
  const facts = input === undefined ? fault : { ...fault, input };
  return invalidArgument(`${action}: ${actual}, expected ${expected}`, facts);
}

function toData(dtype: DType, data: unknown): unknown {
  if (Array.isArray(data)) return convertElements(dtype, data);
  const arrayName = typedArrayName(data);
  if (arrayName === 'Float16Array' && dtype === 'float16') {
    const { buffer, byteOffset, length } = data as NativeFloat16Array;
    return new Uint16Array(buffer, byteOffset, length);
  }
  if (arrayName === 'Uint8ClampedArray' && dtype === 'uint8') {
    const { buffer, byteOffset, length } = data as Uint8ClampedArray;
    return new Uint8Array(buffer, byteOffset, length);
  }
  if (arrayName === 'Float32Array' && dtype === 'float16') return encodeFloat16(data as Float32Array);
  if (arrayName === 'Float32Array' && dtype === 'bfloat16') return encodeBfloat16(data as Float32Array);
  return data;
}
