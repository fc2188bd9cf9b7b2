import type { DType } from '../../core/dtype.js';

/**
 * `ONNXTensorElementDataType` by number: our dtype where we carry the type, else its ONNX name.
 *
 * Source: onnxruntime, onnxruntime_c_api.h, enum ONNXTensorElementDataType.
 */
const byNumber: readonly (readonly [DType | undefined, string])[] = [
  [undefined, 'undefined'],
  ['float32', 'float'],
  ['uint8', 'uint8'],
  ['int8', 'int8'],
  ['uint16', 'uint16'],
  ['int16', 'int16'],
  ['int32', 'int32'],
  ['int64', 'int64'],
  ['string', 'string'],
  ['bool', 'bool'],
  ['float16', 'float16'],
  ['float64', 'double'],
  ['uint32', 'uint32'],
  ['uint64', 'uint64'],
  [undefined, 'complex64'],
  [undefined, 'complex128'],
  ['bfloat16', 'bfloat16'],
  [undefined, 'float8e4m3fn'],
  [undefined, 'float8e4m3fnuz'],
  [undefined, 'float8e5m2'],
  [undefined, 'float8e5m2fnuz'],
  [undefined, 'uint4'],
  [undefined, 'int4'],
  [undefined, 'float4e2m1'],
];

const numbers = new Map<DType, number>();
for (const [number, [dtype]] of byNumber.entries()) if (dtype !== undefined) numbers.set(dtype, number);

/** The dtype of an ONNX element type; undefined for one that we cannot carry. */
export function dtypeOf(elementType: number): DType | undefined {
  return byNumber[elementType]?.[0];
}

/** The ONNX name of an element type, for messages. */
export function elementTypeName(elementType: number): string {
  return byNumber[elementType]?.[1] ?? `element type ${elementType}`;
}

/** The ONNX element type of a dtype. */
export function elementTypeOf(dtype: DType): number {
  return numbers.get(dtype) as number;
}
