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
