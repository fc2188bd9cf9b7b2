import protobuf from 'protobufjs/minimal.js';
import { bfloat16Bits, float16Bits } from '../half.js';
import { type ElementType, elementTypes } from './element-types.js';

/** Elements as a test writes them. A typed array is taken as raw bytes; a plain array is converted. */
export type ElementData =
  | ArrayBufferView
  | readonly (number | bigint | boolean)[]
  | readonly string[]
  | readonly Uint8Array[];

/** A tensor inside a model: an initializer, or the value of an attribute. */
export interface Constant {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  readonly data: ElementData;
  /** Where ONNX keeps the elements: in `raw_data`, or in the repeated field of the type. @default 'raw' */
  readonly storage?: 'raw' | 'fields';
  /** Set: the model holds only this reference, and the bytes lie in a file beside it. */
  readonly external?: { readonly location: string; readonly offset?: number; readonly length?: number };
}

/** A named tensor for `initializers`, or an attribute's value. */
export function constant(
  name: string,
  elementType: ElementType,
  shape: readonly number[],
  data: ElementData,
  rest: Pick<Constant, 'storage' | 'external'> = {},
): Constant {
  return { name, elementType, shape, data, ...rest };
}

/** Writes one TensorProto: what a `.pb` test file holds, and what stands in a graph. */
export function encodeTensor(tensor: Constant, writer = protobuf.Writer.create()): protobuf.Writer {
  const { elementType, shape, data, name } = tensor;
  for (const size of shape) writer.uint32(1 << 3).int64(size);
  writer.uint32(2 << 3).int32(elementTypes[elementType].code);
  if (name !== '') writer.uint32((8 << 3) | 2).string(name);
  if (tensor.external) writeExternal(writer, tensor.external);
  else if (elementType === 'string') writeStrings(writer, data);
  else if (tensor.storage === 'fields') writeFields(writer, elementType, data);
  else writer.uint32((9 << 3) | 2).bytes(rawBytes(elementType, data));
  return writer;
}

/** The elements as ONNX's `raw_data` holds them: little-endian, types under 8 bits packed from the low bits up. */
export function rawBytes(elementType: ElementType, data: ElementData): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const { bits } = elementTypes[elementType];
  if (bits === 0) throw new Error('Strings have no raw form');
  if (bits < 8) return packSubBytes(data as readonly number[], bits);
  const array = typedArray(elementType, data as readonly (number | bigint | boolean)[]);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function typedArray(elementType: ElementType, data: readonly (number | bigint | boolean)[]): ArrayBufferView {
  const numbers = () => data.map(Number);
  switch (elementType) {
    case 'float32':
    case 'complex64':
      return Float32Array.from(numbers());
    case 'float64':
    case 'complex128':
      return Float64Array.from(numbers());
    case 'float16':
      return Uint16Array.from(numbers(), float16Bits);
    case 'bfloat16':
      return Uint16Array.from(numbers(), bfloat16Bits);
    case 'int64':
    case 'uint64':
      return BigInt64Array.from(data.map((each) => BigInt.asIntN(64, BigInt(each))));
    case 'int32':
    case 'uint32':
      return Int32Array.from(numbers());
    case 'int16':
    case 'uint16':
      return Int16Array.from(numbers());
    default: // One byte: integers, bool, and the bits of a float8.
      return Uint8Array.from(numbers());
  }
}

function packSubBytes(data: readonly number[], bits: number): Uint8Array {
  const perByte = 8 / bits;
  const packed = new Uint8Array(Math.ceil(data.length / perByte));
  for (const [index, element] of data.entries()) {
    const at = Math.floor(index / perByte);
    packed[at] = (packed[at] ?? 0) | ((element & (2 ** bits - 1)) << ((index % perByte) * bits));
  }
  return packed;
}

function writeStrings(writer: protobuf.Writer, data: ElementData): void {
  const encoder = new TextEncoder();
  for (const element of data as readonly (string | Uint8Array)[]) {
    writer.uint32((6 << 3) | 2).bytes(typeof element === 'string' ? encoder.encode(element) : element);
  }
}

/** Every type but float, double and the wide integers shares `int32_data`; 16-bit floats go there as bits. */
function writeFields(writer: protobuf.Writer, elementType: ElementType, data: ElementData): void {
  const raw = rawBytes(elementType, data).slice();
  const field = fieldOf[elementType] ?? bytesField;
  const elements = new field.read(raw.buffer);
  writer.uint32((field.number << 3) | 2).fork();
  for (const element of elements) {
    if (field.write === 'int64') writer.int64(String(BigInt.asIntN(64, BigInt(element))));
    else writer[field.write](Number(element));
  }
  writer.ldelim();
}

interface TypedField {
  readonly number: number;
  readonly read: new (buffer: ArrayBuffer) => Iterable<number | bigint>;
  readonly write: 'int32' | 'float' | 'double' | 'int64';
}

const bytesField: TypedField = { number: 5, read: Uint8Array, write: 'int32' };

const fieldOf: Partial<Record<ElementType, TypedField>> = {
  float32: { number: 4, read: Float32Array, write: 'float' },
  complex64: { number: 4, read: Float32Array, write: 'float' },
  float64: { number: 10, read: Float64Array, write: 'double' },
  complex128: { number: 10, read: Float64Array, write: 'double' },
  int64: { number: 7, read: BigInt64Array, write: 'int64' },
  uint64: { number: 11, read: BigUint64Array, write: 'int64' },
  uint32: { number: 11, read: Uint32Array, write: 'int64' },
  int32: { number: 5, read: Int32Array, write: 'int32' },
  int16: { number: 5, read: Int16Array, write: 'int32' },
  uint16: { number: 5, read: Uint16Array, write: 'int32' },
  float16: { number: 5, read: Uint16Array, write: 'int32' },
  bfloat16: { number: 5, read: Uint16Array, write: 'int32' },
  int8: { number: 5, read: Int8Array, write: 'int32' },
};

function writeExternal(writer: protobuf.Writer, external: NonNullable<Constant['external']>): void {
  for (const [key, fact] of Object.entries(external)) {
    writer.uint32((13 << 3) | 2).fork();
    writer.uint32((1 << 3) | 2).string(key);
    writer
      .uint32((2 << 3) | 2)
      .string(String(fact))
      .ldelim();
  }
  writer.uint32(14 << 3).int32(1); // data_location EXTERNAL
}
