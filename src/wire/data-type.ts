import type { DType } from '../core/dtype.js';

/** The numbers that dtypes have on TF Serving's wire (tensorflow/core/framework/types.proto). */
export const dataTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  float64: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  uint16: 17,
  float16: 19,
  uint32: 22,
  uint64: 23,
};

const dtypesByNumber = new Map(Object.entries(dataTypes).map(([dtype, number]) => [number, dtype as DType]));

export function dtypeOf(dataType: number): DType | undefined {
  return dtypesByNumber.get(dataType);
}

/** Types of TensorFlow that no dtype stands for. */
const otherNames: Readonly<Record<number, string>> = {
  8: 'DT_COMPLEX64',
  11: 'DT_QINT8',
  12: 'DT_QUINT8',
  13: 'DT_QINT32',
  15: 'DT_QINT16',
  16: 'DT_QUINT16',
  18: 'DT_COMPLEX128',
  20: 'DT_RESOURCE',
  21: 'DT_VARIANT',
  24: 'DT_FLOAT8_E5M2',
  25: 'DT_FLOAT8_E4M3FN',
  26: 'DT_FLOAT8_E4M3FNUZ',
  27: 'DT_FLOAT8_E4M3B11FNUZ',
  28: 'DT_FLOAT8_E5M2FNUZ',
  29: 'DT_INT4',
  30: 'DT_UINT4',
  31: 'DT_INT2',
  32: 'DT_UINT2',
  33: 'DT_FLOAT4_E2M1FN',
};

/** TensorFlow's name of a type that {@link dtypeOf} does not know. */
export function nameOf(dataType: number): string | undefined {
  return otherNames[dataType];
}
