import type { DType } from '../core/dtype.js';

const [least32, most32] = [-(2n ** 31n), 2n ** 31n - 1n];

/** What RapidJSON takes for each dtype of integers; those of 8 and 16 bits are read by 32, and wrap around later. */
export const integerLimits: Partial<Record<DType, readonly [min: bigint, max: bigint]>> = {
  int8: [least32, most32],
  int16: [least32, most32],
  int32: [least32, most32],
  uint8: [least32, most32],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};
