// Hot path: once for each tensor of a request.
import type { DType, NumericData, NumericDType } from '../core/dtype.js';
import { newData, numericDTypes } from '../core/dtype.js';
import { invalidArgument, ServingError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { dtypeOf } from './data-type.js';
import { fieldOf } from './tensor-fields.js';
import { decodeText, readFields, WireBytes } from './wire-bytes.js';

export interface DecodeTensorOptions {
  /** Bytes that a tensor may have. A few bytes may claim a shape of any size: it is not believed. @default 2 GiB */
  readonly maxTensorBytes?: number;
}

interface Parts {
  dataType: number;
  shape: readonly number[];
  content: Uint8Array | undefined;
  /** What the typed fields hold, by field: packed numbers, strings, or the bytes of one unpacked number. */
  readonly values: Map<number, { readonly bytes: Uint8Array; readonly isPacked: boolean }[]>;
}

/**
 * A tensor out of the bytes of a TensorProto.
 *
 * `tensor_content` has the last word, and must be of the exact size. Of a typed field, the last value is repeated where
 * there are fewer than elements, and what is too much is dropped; without any, all elements are 0, false or ''. A missing
 * shape, and one of unknown rank, is a scalar's. Source: TensorFlow, core/framework/tensor.cc, `Tensor::FromProto`.
 *
 * @throws ServingError INVALID_ARGUMENT for what is no tensor; UNIMPLEMENTED for a dtype that ONNX models do not have;
 *   RESOURCE_EXHAUSTED for one that is too large.
 */
export function decodeTensor(bytes: Uint8Array, options: DecodeTensorOptions = {}): Tensor {
  const parts = readParts(bytes);
  const dtype = dtypeOf(parts.dataType);
  if (dtype === undefined) throw unknownDType(parts.dataType);
  const count = countElements(parts.shape, dtype, options.maxTensorBytes ?? 2 ** 31);
  const { shape } = parts;
  const data =
    parts.content === undefined ? fromFields(dtype, count, parts) : fromContent(dtype, count, parts.content);
  return { dtype, shape, data } as Tensor;
}

function readParts(bytes: Uint8Array): Parts {
  const parts: Parts = { dataType: 0, shape: [], content: undefined, values: new Map() };
  readFields(bytes, (field, wireType, from) => {
    if (field === 1 && wireType === 0) parts.dataType = from.uint32();
    else if (field === 2 && wireType === 2) parts.shape = readShape(from.delimited());
    else if (field === 4 && wireType === 2) parts.content = nonEmpty(from.delimited());
    else if (field >= 5 && field <= 17) readValues(parts, field, wireType, from);
    else from.skipField(wireType);
  });
  return parts;
}

function nonEmpty(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length === 0 ? undefined : bytes;
}

function readShape(bytes: Uint8Array): readonly number[] {
  const shape: number[] = [];
  let isRankKnown = true;
  readFields(bytes, (field, wireType, from) => {
    if (field === 2 && wireType === 2) shape.push(readDim(from.delimited()));
    else if (field === 3 && wireType === 0) isRankKnown = from.uint32() === 0;
    else from.skipField(wireType);
  });
  return isRankKnown ? shape : [];
}

function readDim(bytes: Uint8Array): number {
  let size = 0n;
  readFields(bytes, (field, wireType, from) => {
    if (field === 1 && wireType === 0) size = from.int64();
    else from.skipField(wireType);
  });
  if (size < 0n) throw invalidArgument(`Cannot decode a tensor: its shape has a dimension of ${size}`);
  return Number(size);
}

function readValues(parts: Parts, field: number, wireType: number, from: WireBytes): void {
  const start = parts.values.get(field) ?? [];
  parts.values.set(field, start);
  if (wireType === 2) {
    start.push({ bytes: from.delimited(), isPacked: field !== fieldOf.string });
    return;
  }
  const before = from.bytes.length - from.left;
  from.skipField(wireType);
  start.push({ bytes: from.bytes.subarray(before, from.bytes.length - from.left), isPacked: true });
}

function countElements(shape: readonly number[], dtype: DType, maxBytes: number): number {
  const size = dtype === 'string' ? 8 : numericDTypes[dtype].bytes;
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (count * size <= maxBytes) return count;
  throw new ServingError(
    'RESOURCE_EXHAUSTED',
    `Cannot decode a tensor: ${dtype} [${shape.join()}] has more than ${maxBytes} bytes`,
  );
}

function fromContent(dtype: DType, count: number, content: Uint8Array): Tensor['data'] {
  if (dtype === 'string') return stringsOfContent(count, content);
  const { bytes } = numericDTypes[dtype];
  if (content.length !== count * bytes) {
    throw invalidArgument(
      `Cannot decode a tensor: tensor_content has ${content.length} bytes, and ${count} elements of ${dtype} have ${count * bytes}`,
    );
  }
  if (dtype === 'bool' && content.some((byte) => byte > 1)) {
    throw invalidArgument(
      'Cannot decode a tensor: tensor_content of bool has a byte that is neither 0 nor 1',
    );
  }
  const data = newData(dtype, count) as NumericData;
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(content);
  return data;
}

/** All lengths first, then all bytes. */
function stringsOfContent(count: number, content: Uint8Array): string[] | Uint8Array[] {
  const from = new WireBytes(content);
  const lengths: number[] = [];
  if (count > content.length) throw contentOfStrings(count);
  for (let index = 0; index < count; index++) lengths.push(from.uint32());
  let at = content.length - from.left;
  if (lengths.reduce((sum, length) => sum + length, at) !== content.length) throw contentOfStrings(count);
  return toStrings(
    lengths.map((length) => {
      at += length;
      return content.subarray(at - length, at);
    }),
  );
}

function contentOfStrings(count: number): ServingError {
  return invalidArgument(`Cannot decode a tensor: tensor_content does not hold ${count} strings`);
}

/** Text where all of it is UTF-8, else bytes, which are copied: the message is the caller's. */
function toStrings(strings: readonly Uint8Array[]): string[] | Uint8Array[] {
  try {
    return strings.map(decodeText);
  } catch {
    return strings.map((bytes) => new Uint8Array(bytes)); // never slice: of a Buffer that is a view
  }
}

function fromFields(dtype: DType, count: number, { values }: Parts): Tensor['data'] {
  const chunks = values.get(fieldOf[dtype]) ?? [];
  if (dtype === 'string') {
    const strings = chunks.slice(0, count).map(({ bytes }) => bytes);
    const last = strings.at(-1) ?? new Uint8Array();
    return toStrings([...strings, ...new Array<Uint8Array>(count - strings.length).fill(last)]);
  }
  const data = newData(dtype, count) as NumericData;
  const filled = fill(dtype, data as never, chunks);
  if (filled > 0 && filled < count) (data as Float64Array).fill(data[filled - 1] as never, filled);
  return data;
}

/** How many elements there were, at most as many as there are to be. */
function fill(
  dtype: NumericDType,
  data: (number | bigint)[],
  chunks: readonly { readonly bytes: Uint8Array }[],
): number {
  let at = 0;
  for (const { bytes } of chunks) {
    if (dtype === 'float32' || dtype === 'float64') {
      at += copyFloats(data as unknown as Float32Array | Float64Array, at, bytes);
      continue;
    }
    const from = new WireBytes(bytes);
    while (!from.isAtEnd && at < data.length) data[at++] = readElement(dtype, from);
  }
  return at;
}

/** On the wire as in memory: little-endian, as are all machines that onnxruntime is built for. */
function copyFloats(data: Float32Array | Float64Array, at: number, bytes: Uint8Array): number {
  const size = data.BYTES_PER_ELEMENT;
  if (bytes.length % size !== 0)
    throw invalidArgument('Cannot decode a tensor: its last element is cut short');
  const count = Math.min(bytes.length / size, data.length - at);
  const target = new Uint8Array(data.buffer, data.byteOffset + at * size, count * size);
  target.set(bytes.subarray(0, count * size));
  return count;
}

function readElement(dtype: NumericDType, from: WireBytes): number | bigint {
  switch (dtype) {
    case 'int64':
    case 'uint64':
      return from.int64(); // the array takes it modulo 2^64
    case 'bool':
      return from.int64() === 0n ? 0 : 1;
    default:
      return from.uint32(); // the array takes it modulo its own size, as a cast in C++ does
  }
}

function unknownDType(dataType: number): ServingError {
  if (dataType === 0) return invalidArgument('Cannot decode a tensor: it has no dtype');
  return new ServingError(
    'UNIMPLEMENTED',
    `Cannot decode a tensor: DataType ${dataType} is not one that ONNX models have`,
  );
}
