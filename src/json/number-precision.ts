import type { DType } from '../core/dtype.js';

/** How a number of a dtype may be read quickly and still be the nearest one there is. */
export interface NumberPrecision {
  /** Only integers have no point and no exponent; these are the least and the largest. */
  readonly integers: readonly [min: number, max: number] | undefined;
  /** The result is rounded to 24 bits: what is lost beyond 53 seldom matters, and it is seen when it does. */
  readonly isSingle: boolean;
}

const floating: NumberPrecision = { integers: undefined, isSingle: false };
const safe = Number.MAX_SAFE_INTEGER;

/** RapidJSON reads small integers by 32 bits; they wrap around later. What is not here, is not read quickly. */
export const precisions: Partial<Record<DType, NumberPrecision>> = {
  float16: floating,
  bfloat16: floating,
  float64: floating,
  float32: { integers: undefined, isSingle: true },
  int8: { integers: [-(2 ** 31), 2 ** 31 - 1], isSingle: false },
  int16: { integers: [-(2 ** 31), 2 ** 31 - 1], isSingle: false },
  int32: { integers: [-(2 ** 31), 2 ** 31 - 1], isSingle: false },
  uint8: { integers: [-(2 ** 31), 2 ** 31 - 1], isSingle: false },
  uint32: { integers: [0, 2 ** 32 - 1], isSingle: false },
  int64: { integers: [-safe, safe], isSingle: false },
  uint64: { integers: [0, safe], isSingle: false },
};
