import type { DType } from '../core/dtype.js';
import { integerLimits } from './integer-limits.js';

/** How a number of a dtype may be read quickly and still be the nearest one there is. */
export interface NumberPrecision {
  /** Only integers have no point and no exponent; these are the least and the largest. */
  readonly integers: readonly [min: number, max: number] | undefined;
  /** The result is rounded to 24 bits: what is lost beyond 53 seldom matters, and it is seen when it does. */
  readonly isSingle: boolean;
}

const floating: NumberPrecision = { integers: undefined, isSingle: false };

const integers = Object.entries(integerLimits).map(([dtype, [min, max]]) => [
  dtype,
  { integers: [Number(min), Number(max)], isSingle: false },
]);

/** What is not here, is not read quickly. */
export const precisions: Partial<Record<DType, NumberPrecision>> = {
  float16: floating,
  bfloat16: floating,
  float64: floating,
  float32: { integers: undefined, isSingle: true },
  ...Object.fromEntries(integers),
};
