import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs/minimal.js';
import type { DType, Tensor } from 'servable';
import { elementTypeOf } from './element-types.js';

/** A tensor read from a TensorProto, and the name it carries; empty where it carries none. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/** Reads one `.pb` test file. */
export function readTensorFile(path: string): NamedTensor {
  return decodeTensor(readFileSync(path));
}

/**
 * Decodes a TensorProto, wherever it keeps its elements: `raw_data`, or the repeated field of the type, packed or
 * not.
 *
 * @throws Error for an element type without a dtype of ours, and for external data.
 */
export function decodeTensor(bytes: Uint8Array): NamedTensor {
  const proto = readProto(protobuf.Reader.create(bytes));
  const dtype = elementTypeOf(proto.code) ?? `type ${proto.code}`;
  if (proto.isExternal) throw new Error(`Cannot decode tensor "${proto.name}": its data is external`);
  if (dtype !== 'string' && !Object.hasOwn(arrays, dtype)) {
    throw new Error(`Cannot decode tensor "${proto.name}": ${dtype} has no dtype`);
  }
  const data = elements(dtype as DType, proto);
  const size = proto.shape.reduce((product, axis) => product * axis, 1);
  if (data.length !== size) {
    throw new Error(`Cannot decode tensor "${proto.name}": ${data.length} elements, expected ${size}`);
  }
  return { name: proto.name, tensor: { dtype: dtype as DType, shape: proto.shape, data } };
}

interface Proto {
  name: string;
  code: number;
  shape: number[];
  raw: Uint8Array | undefined;
  strings: Uint8Array[];
  numbers: number[];
  bigints: bigint[];
  isExternal: boolean;
}

function readProto(reader: protobuf.Reader): Proto {
  const proto: Proto = {
    name: '',
    code: 0,
    shape: [],
    raw: undefined,
    strings: [],
    numbers: [],
    bigints: [],
    isExternal: false,
  };
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const each = (read: () => unknown) => repeated(reader, tag & 7, read);
    switch (tag >>> 3) {
      case 1: {
        each(() => proto.shape.push(Number(reader.int64())));
        break;
      }
      case 2: {
        proto.code = reader.int32();
        break;
      }
      case 4: {
        each(() => proto.numbers.push(reader.float()));
        break;
      }
      case 5: {
        each(() => proto.numbers.push(reader.int32()));
        break;
      }
      case 6: {
        proto.strings.push(new Uint8Array(reader.bytes()));
        break;
      }
      case 7:
      case 11: {
        each(() => proto.bigints.push(BigInt(String(reader.int64()))));
        break;
      }
      case 8: {
        proto.name = reader.string();
        break;
      }
      case 9: {
        proto.raw = reader.bytes();
        break;
      }
      case 10: {
        each(() => proto.numbers.push(reader.double()));
        break;
      }
      case 14: {
        proto.isExternal = reader.int32() === 1;
        break;
      }
      default:
        reader.skipType(tag & 7);
    }
  }
  return proto;
}

/** proto2 writes a repeated number one by one, proto3 packs it into one field: both are read. */
function repeated(reader: protobuf.Reader, wireType: number, read: () => unknown): void {
  if (wireType !== 2) {
    read();
    return;
  }
  const end = reader.uint32() + reader.pos;
  while (reader.pos < end) read();
}

type AnyArray = Exclude<Tensor['data'], readonly string[] | readonly Uint8Array[]>;

const arrays: Record<Exclude<DType, 'string'>, new (source: never) => AnyArray> = {
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

function elements(dtype: DType, proto: Proto): Tensor['data'] {
  if (dtype === 'string') return decodeStrings(proto.strings);
  const array = arrays[dtype];
  // Copied, for a view of 8-byte elements must start at a multiple of 8 (and a Buffer's slice is no copy).
  if (proto.raw) return new array(new Uint8Array(proto.raw).buffer as never);
  if (dtype === 'int64' || dtype === 'uint64') return new array(proto.bigints as never);
  return new array((dtype === 'uint32' ? proto.bigints.map(Number) : proto.numbers) as never);
}

function decodeStrings(strings: readonly Uint8Array[]): readonly string[] | readonly Uint8Array[] {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return strings.map((each) => decoder.decode(each));
  } catch {
    return strings; // Not UTF-8: bytes are what the tensor holds.
  }
}
