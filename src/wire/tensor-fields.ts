import type { DType } from '../core/dtype.js';

/** The field of TensorProto that holds the elements of each dtype (tensorflow/core/framework/tensor.proto). */
export const fieldOf: Readonly<Record<DType, number>> = {
  float32: 5,
  float64: 6,
  int32: 7,
  int16: 7,
  int8: 7,
  uint8: 7,
  uint16: 7,
  string: 8,
  int64: 10,
  bool: 11,
  float16: 13,
  bfloat16: 13,
  uint32: 16,
  uint64: 17,
};
