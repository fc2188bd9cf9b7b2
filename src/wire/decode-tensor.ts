// Hot path: once for each tensor of a request. Guarded by bench/wire/tensor.mjs.
import { formatShape } from '../core/describe.js';
import { type DType, numericDTypes } from '../core/dtype.js';
import { invalidArgument, ServingError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { dtypeOf, nameOf } from './data-type.js';
import { elementsOfContent, elementsOfFields } from './tensor-elements.js';
import { readFields } from './wire-bytes.js';

export interface DecodeTensorOptions {
  /** Bytes that a tensor may have. A few bytes may claim a shape of any size: it is not believed. @default 2 GiB */
  readonly maxTensorBytes?: number;
  /** Takes the bytes of a tensor from what there is for all; throws where there are not so many. */
  readonly takeBytes?: (bytes: number) => void;
}

interface Parts {
  readonly dataType: number;
  readonly shape: readonly number[];
  /** What `tensor_content` holds; undefined where that is empty, too. */
  readonly content: Uint8Array | undefined;
}

/** TensorFlow's own limit (core/framework/tensor_shape.h). */
const mostAxes = 254;

/**
 * What a string is reckoned at, which is about what a short one costs. The elements that are not there are the last one
 * repeated, so a few bytes may ask for any number of them; the 2^25 that the default allows are what V8 still keeps in a
 * fast array, while ten times as many end the process.
 */
const bytesOfAString = 64;

/**
 * A tensor out of the bytes of a TensorProto. The result keeps none of them.
 *
 * `tensor_content` has the last word, and must be of the exact size. Of a typed field, the last value is repeated where
 * there are fewer than elements, and what is too much is dropped; without any, all elements are 0, false or ''. A missing
 * shape, and one of unknown rank, is a scalar's. Where there are no elements, values are not looked at. Source: TensorFlow,
 * core/framework/tensor.cc, `Tensor::FromProto`.
 *
 * @throws ServingError INVALID_ARGUMENT for what is no tensor; UNIMPLEMENTED for a dtype that ONNX models do not have;
 *   RESOURCE_EXHAUSTED for one that is too large.
 */
export function decodeTensor(bytes: Uint8Array, options: DecodeTensorOptions = {}): Tensor {
  const { dataType, shape, content } = readParts(bytes);
  const dtype = dtypeOf(dataType);
  if (dtype === undefined) throw unknownDType(dataType);
  const count = countElements(shape, dtype, options);
  const hasContent = content !== undefined && count > 0;
  const data = hasContent ? elementsOfContent(dtype, count, content) : elementsOfFields(dtype, count, bytes);
  return { dtype, shape, data } as Tensor;
}

/** All but the values in typed fields: which of them count is not known before the end. */
function readParts(bytes: Uint8Array): Parts {
  let dataType = 0;
  let content: Uint8Array | undefined;
  const shape: number[] = [];
  let isRankKnown = true;
  readFields(bytes, (field, wireType, from) => {
    if (field === 1 && wireType === 0) dataType = from.uint32();
    else if (field === 2 && wireType === 2) isRankKnown = readShape(from.delimited(), shape) ?? isRankKnown;
    else if (field === 4 && wireType === 2) content = nonEmpty(from.delimited());
    else from.skipField(wireType);
  });
  return { dataType, shape: isRankKnown ? shape : [], content };
}

function nonEmpty(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length === 0 ? undefined : bytes;
}

/** Adds the axes of a TensorShapeProto to a shape; whether it says that the rank is known. */
function readShape(bytes: Uint8Array, shape: number[]): boolean | undefined {
  let isRankKnown: boolean | undefined;
  readFields(bytes, (field, wireType, from) => {
    if (field === 2 && wireType === 2) shape.push(readDim(from.delimited()));
    else if (field === 3 && wireType === 0) isRankKnown = !from.bool();
    else from.skipField(wireType);
    if (shape.length > mostAxes) {
      throw invalidArgument(`Cannot decode a tensor: its shape has more than ${mostAxes} dimensions`);
    }
  });
  return isRankKnown;
}

function readDim(bytes: Uint8Array): number {
  let size = 0n;
  readFields(bytes, (field, wireType, from) => {
    if (field === 1 && wireType === 0) size = from.int64();
    else from.skipField(wireType);
  });
  if (size >= 0n && size <= Number.MAX_SAFE_INTEGER) return Number(size);
  throw invalidArgument(`Cannot decode a tensor: its shape has a dimension of ${size}`);
}

function countElements(
  shape: readonly number[],
  dtype: DType,
  { maxTensorBytes: maxBytes = 2 ** 31, takeBytes }: DecodeTensorOptions,
): number {
  const size = dtype === 'string' ? bytesOfAString : numericDTypes[dtype].bytes;
  const count = shape.includes(0) ? 0 : shape.reduce((product, dim) => product * dim, 1);
  if (count * size <= maxBytes) {
    takeBytes?.(count * size);
    return count;
  }
  throw new ServingError(
    'RESOURCE_EXHAUSTED',
    `Cannot decode a tensor: ${dtype} ${formatShape(shape)} has more than ${maxBytes} bytes`,
  );
}

function unknownDType(dataType: number): ServingError {
  if (dataType === 0) return invalidArgument('Cannot decode a tensor: it has no dtype');
  const name = nameOf(dataType);
  return new ServingError(
    'UNIMPLEMENTED',
    `Cannot decode a tensor: DataType ${dataType}${name === undefined ? '' : ` (${name})`} is not one that ONNX models have`,
  );
}
