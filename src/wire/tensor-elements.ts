// Hot path: once for each tensor of a request. Guarded by bench/wire/tensor.mjs.
import type { DType, NumericData, NumericDType } from '../core/dtype.js';
import { newData, numericDTypes } from '../core/dtype.js';
import { invalidArgument, ServingError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { fieldOf } from './tensor-fields.js';
import { decodeText, readFields, WireBytes } from './wire-bytes.js';

/** The elements in `tensor_content`: as they lie in memory, little-endian; of strings, all lengths, then all bytes. */
export function elementsOfContent(dtype: DType, count: number, content: Uint8Array): Tensor['data'] {
  if (dtype === 'string') return stringsOfContent(count, content);
  const { bytes } = numericDTypes[dtype];
  if (content.length !== count * bytes) {
    throw invalidArgument(
      `Cannot decode a tensor: tensor_content has ${content.length} bytes, and ${count} elements of ${dtype} have ${count * bytes}`,
    );
  }
  if (dtype === 'bool' && !isBools(content)) {
    throw invalidArgument(
      'Cannot decode a tensor: tensor_content of bool has a byte that is neither 0 nor 1',
    );
  }
  const data = allocate(dtype, count);
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(content);
  return data;
}

/** In one pass without a branch for each: a callback for each takes five times as long. */
function isBools(content: Uint8Array): boolean {
  let bits = 0;
  for (let at = 0; at < content.length; at++) bits |= content[at] as number;
  return bits <= 1;
}

/** The elements in the typed field of a dtype; what is missing is the last of them, or 0, false or ''. */
export function elementsOfFields(dtype: DType, count: number, message: Uint8Array): Tensor['data'] {
  if (dtype !== 'string') return numbersOfField(dtype, count, message);
  try {
    return stringsOfField(count, message, decodeText);
  } catch {
    // All fields have been read before: what is wrong is that one of the strings is no text.
    return stringsOfField(count, message, copyOf);
  }
}

function stringsOfContent(count: number, content: Uint8Array): string[] | Uint8Array[] {
  const from = new WireBytes(content);
  if (count > content.length) throw contentOfStrings(count);
  const lengths = Array.from({ length: count }, () => from.uint32());
  let at = content.length - from.left;
  if (lengths.reduce((sum, length) => sum + length, at) !== content.length) throw contentOfStrings(count);
  const strings = lengths.map((length) => {
    at += length;
    return content.subarray(at - length, at);
  });
  try {
    return strings.map(decodeText);
  } catch {
    return strings.map(copyOf);
  }
}

function contentOfStrings(count: number): ServingError {
  return invalidArgument(`Cannot decode a tensor: tensor_content does not hold ${count} strings`);
}

function stringsOfField<T>(count: number, message: Uint8Array, decode: (bytes: Uint8Array) => T): T[] {
  const strings: T[] = [];
  readFields(message, (field, wireType, from) => {
    const isWanted = field === fieldOf.string && wireType === 2 && strings.length < count;
    if (isWanted) strings.push(decode(from.delimited()));
    else from.skipField(wireType);
  });
  // One string for all that are missing: there may be millions of them.
  const last = strings.at(-1) ?? decode(new Uint8Array());
  while (strings.length < count) strings.push(last);
  return strings;
}

/** Never by slice: of a Buffer that is a view, and the message is the caller's. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function numbersOfField(dtype: NumericDType, count: number, message: Uint8Array): NumericData {
  const data = allocate(dtype, count);
  const loneType = loneTypeOf(dtype);
  let filled = 0;
  readFields(message, (field, wireType, from) => {
    // A value of another wire type is not known to protobuf, and so is not there.
    const isWanted = field === fieldOf[dtype] && (wireType === 2 || wireType === loneType);
    if (isWanted && filled < count) filled = fill(dtype, data, filled, from.value(wireType));
    else from.skipField(wireType);
  });
  if (filled > 0 && filled < count) (data as Float64Array).fill(data[filled - 1] as never, filled);
  return data;
}

/** The wire type of a number that is not packed with others. */
function loneTypeOf(dtype: NumericDType): number {
  if (dtype === 'float32') return 5;
  return dtype === 'float64' ? 1 : 0;
}

/** Puts packed numbers into the data from `at` on, as many as fit; where they end there. */
function fill(dtype: NumericDType, data: NumericData, at: number, packed: Uint8Array): number {
  switch (dtype) {
    case 'float32':
    case 'float64':
      return copyFloats(data as Float32Array | Float64Array, at, packed);
    case 'int64':
    case 'uint64':
      return new WireBytes(packed).uint64s(data as BigInt64Array, at);
    case 'bool':
      return fillBools(data as Uint8Array, at, packed);
    default: // the array takes a number modulo its own size, as a cast in C++ does
      return new WireBytes(packed).uint32s(data as Int32Array, at);
  }
}

/** On the wire as in memory: little-endian, as are all machines that onnxruntime is built for. */
function copyFloats(data: Float32Array | Float64Array, at: number, packed: Uint8Array): number {
  const size = data.BYTES_PER_ELEMENT;
  if (packed.length % size !== 0)
    throw invalidArgument('Cannot decode a tensor: its last element is cut short');
  const count = Math.min(packed.length / size, data.length - at);
  const target = new Uint8Array(data.buffer, data.byteOffset + at * size, count * size);
  target.set(packed.subarray(0, count * size));
  return at + count;
}

function fillBools(data: Uint8Array, at: number, packed: Uint8Array): number {
  const from = new WireBytes(packed);
  let place = at;
  while (place < data.length && !from.isAtEnd) data[place++] = from.bool() ? 1 : 0;
  return place;
}

function allocate(dtype: NumericDType, count: number): NumericData {
  try {
    return newData(dtype, count);
  } catch (cause) {
    throw new ServingError(
      'RESOURCE_EXHAUSTED',
      `Cannot decode a tensor: no memory for ${count} elements of ${dtype}`,
      { cause },
    );
  }
}
