import koffi from 'koffi';
import type { DType } from '../../core/dtype.js';
import type { Dim } from '../../core/signature.js';
import { type OrtApi, OutWord, type Pointer } from './c-api.js';
import { dtypeOf, elementTypeName } from './element-type.js';

/** The type of a graph input or output, sorted by what can be done with it. */
export type ValueType =
  | { readonly kind: 'tensor'; readonly dtype: DType; readonly shape: readonly Dim[] }
  /** `map(K, V)`, or a sequence of them with one map a row, as ZipMap makes: readable as a tensor of the values. */
  | { readonly kind: 'map' | 'map-rows'; readonly dtype: DType }
  /** A tensor of elements that no dtype stands for, such as int4. */
  | { readonly kind: 'unknown-element'; readonly description: string }
  /** A sequence of tensors, an optional, a sparse tensor: no tensor can stand for it. */
  | { readonly kind: 'other'; readonly description: string };

/** `ONNXType` by number. Source: onnxruntime_c_api.h, enum ONNXType. */
const onnxType = { tensor: 1, sequence: 2, map: 3, opaque: 4, sparseTensor: 5, optional: 6 } as const;

const out = new OutWord();

/** Reads an `OrtTypeInfo`; the caller releases it. */
export function readTypeInfo(api: OrtApi, info: Pointer): ValueType {
  api.GetOnnxTypeFromTypeInfo(info, out.memory);
  switch (out.int) {
    case onnxType.tensor:
      return readTensorType(api, info);
    case onnxType.map:
      return readMapType(api, info, 'map');
    case onnxType.sequence:
      return readSequenceType(api, info);
    case onnxType.sparseTensor:
      return { kind: 'other', description: 'sparse tensor' };
    case onnxType.optional:
      return { kind: 'other', description: 'optional' };
    default:
      return { kind: 'other', description: `ONNX type ${out.int}` };
  }
}

function readTensorType(api: OrtApi, info: Pointer): ValueType {
  api.CastTypeInfoToTensorInfo(info, out.memory);
  const tensorInfo = out.pointer; // belongs to `info`
  api.GetTensorElementType(tensorInfo, out.memory);
  const elementType = out.int;
  const dtype = dtypeOf(elementType);
  if (dtype === undefined) return { kind: 'unknown-element', description: elementTypeName(elementType) };
  return { kind: 'tensor', dtype, shape: readDims(api, tensorInfo) };
}

function readDims(api: OrtApi, tensorInfo: Pointer): Dim[] {
  api.GetDimensionsCount(tensorInfo, out.memory);
  const rank = out.count;
  if (rank === 0) return [];
  const sizes = new BigInt64Array(rank);
  const names = new BigUint64Array(rank); // const char *, which belong to `tensorInfo`
  api.GetDimensions(tensorInfo, sizes, rank);
  api.GetSymbolicDimensions(tensorInfo, names, rank);
  return Array.from(sizes, (size, axis) => {
    if (size >= 0n) return Number(size);
    return koffi.decode.string(names[axis]) || null;
  });
}

function readSequenceType(api: OrtApi, info: Pointer): ValueType {
  api.CastTypeInfoToSequenceTypeInfo(info, out.memory);
  api.GetSequenceElementType(out.pointer, out.memory);
  const element = out.pointer;
  try {
    api.GetOnnxTypeFromTypeInfo(element, out.memory);
    if (out.int === onnxType.map) return readMapType(api, element, 'map-rows');
    return { kind: 'other', description: `sequence(${describe(readTypeInfo(api, element))})` };
  } finally {
    api.ReleaseTypeInfo(element);
  }
}

function readMapType(api: OrtApi, info: Pointer, kind: 'map' | 'map-rows'): ValueType {
  api.CastTypeInfoToMapTypeInfo(info, out.memory);
  const mapInfo = out.pointer; // belongs to `info`
  api.GetMapKeyType(mapInfo, out.memory);
  const key = elementTypeName(out.int);
  api.GetMapValueType(mapInfo, out.memory);
  const valueInfo = out.pointer;
  try {
    const value = readTypeInfo(api, valueInfo);
    if (value.kind === 'tensor') return { kind, dtype: value.dtype };
    return { kind: 'other', description: `map(${key}, ${describe(value)})` };
  } finally {
    api.ReleaseTypeInfo(valueInfo);
  }
}

/** A type in ONNX's words, for messages. */
export function describe(type: ValueType): string {
  switch (type.kind) {
    case 'tensor':
      return `tensor(${type.dtype})`;
    case 'map':
      return `map(${type.dtype})`;
    case 'map-rows':
      return `sequence(map(${type.dtype}))`;
    case 'unknown-element':
    case 'other':
      return type.description;
    default:
      return type satisfies never;
  }
}
