import type { DType } from './dtype.js';

const others: Partial<Record<DType, string>> = { float16: 'half', float32: 'float', float64: 'double' };

/** @internal What TensorFlow calls a dtype in its messages. */
export function tensorflowName(dtype: DType): string {
  return others[dtype] ?? dtype;
}
