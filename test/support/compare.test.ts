import type { Tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { exactly, tensorDifference } from './compare.js';
import { float16Bits } from './half.js';

const float32 = (...values: number[]): Tensor => ({
  dtype: 'float32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const half = (...values: number[]): Tensor => ({
  dtype: 'float16',
  shape: [values.length],
  data: Uint16Array.from(values, float16Bits),
});
const int8 = (...values: number[]): Tensor => ({
  dtype: 'int8',
  shape: [values.length],
  data: Int8Array.from(values),
});
const loose = { rtol: 0.1, atol: 0.01 };

describe('tensorDifference', () => {
  it.each([
    { why: 'within the relative tolerance', actual: float32(109), expected: float32(100) },
    { why: 'within the absolute tolerance', actual: float32(0.009), expected: float32(0) },
    { why: 'NaN where NaN is wanted', actual: float32(Number.NaN), expected: float32(Number.NaN) },
    { why: 'the same infinity', actual: float32(-Infinity), expected: float32(-Infinity) },
    { why: 'float16 by value, not by bits', actual: half(1.05), expected: half(1) },
  ])('accepts $why', ({ actual, expected }) => {
    expect(tensorDifference(actual, expected, loose)).toBeUndefined();
  });

  it.each([
    { why: 'one element too far off', actual: float32(1, 3), expected: float32(1, 2) },
    { why: 'NaN where a number is wanted', actual: float32(Number.NaN), expected: float32(0) },
    { why: 'a number where NaN is wanted', actual: float32(0), expected: float32(Number.NaN) },
    { why: 'the other infinity', actual: float32(Infinity), expected: float32(-Infinity) },
    { why: 'a number where infinity is wanted', actual: float32(1), expected: float32(Infinity) },
    { why: 'an integer off by one', actual: int8(100), expected: int8(101) },
    { why: 'another dtype', actual: int8(1), expected: float32(1) },
    { why: 'another shape', actual: float32(1), expected: { ...float32(1), shape: [1, 1] } },
    { why: 'no tensor', actual: undefined, expected: float32(1) },
    {
      why: 'another string',
      actual: { dtype: 'string', shape: [1], data: ['a'] } as Tensor,
      expected: { dtype: 'string', shape: [1], data: ['b'] } as Tensor,
    },
  ])('reports $why', ({ actual, expected }) => {
    expect(tensorDifference(actual, expected, loose)).toBeTypeOf('string');
  });

  it('says how many elements differ and shows the first', () => {
    expect(tensorDifference(float32(1, 5, 6), float32(1, 2, 3), exactly)).toBe(
      '2 of 3 elements differ, first [1]: 5, expected 2',
    );
  });
});
