import { describeValue, typedArrayName } from './describe.js';
import type { DType, NumericDType, TensorDataByDType } from './dtype.js';
import { newData } from './dtype.js';
import { invalidArgument } from './errors.js';
import { encodeBfloat16, encodeFloat16 } from './half.js';

/** What a plain array may hold for each dtype. */
export interface ElementByDType {
  float16: number;
  bfloat16: number;
  float32: number;
  float64: number;
  int8: number;
  int16: number;
  int32: number;
  /** A number must be a safe integer: beyond 2^53 it may already be another number than the one meant. */
  int64: bigint | number;
  uint8: number;
  uint16: number;
  uint32: number;
  /** A number must be a safe integer: beyond 2^53 it may already be another number than the one meant. */
  uint64: bigint | number;
  /** 0 and 1 stand for false and true. */
  bool: boolean | 0 | 1;
  string: string | Uint8Array;
}

type SmallIntDType = 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32';
type BigIntDType = 'int64' | 'uint64';

const ranges: Readonly<Record<SmallIntDType, readonly [least: number, most: number]>> = {
  int8: [-(2 ** 7), 2 ** 7 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
};

const bigRanges: Readonly<Record<BigIntDType, readonly [least: bigint, most: bigint]>> = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/**
 * A dtype's array with the values of a plain one.
 *
 * Floats are rounded to the nearest value of the dtype, ties to even, which is infinity beyond its range. Everything
 * else must fit as it is. For `string` it is the same array, checked.
 *
 * @throws ServingError INVALID_ARGUMENT for the first element that does not fit, with its index.
 */
export function convertElements<D extends DType>(dtype: D, values: readonly unknown[]): TensorDataByDType[D];
export function convertElements(dtype: DType, values: readonly unknown[]): TensorDataByDType[DType] {
  switch (dtype) {
    case 'float16':
      return encodeFloat16(checkNumbers(dtype, values));
    case 'bfloat16':
      return encodeBfloat16(checkNumbers(dtype, values));
    case 'float32':
      return Float32Array.from(checkNumbers(dtype, values));
    case 'float64':
      return Float64Array.from(checkNumbers(dtype, values));
    case 'int64':
    case 'uint64':
      return convertBigInts(dtype, values);
    case 'bool':
      return convertBooleans(values);
    case 'string': {
      const index = findForeignString(values);
      if (index >= 0) throw unfit(dtype, values, index, describeStringKind(values));
      return values as readonly string[];
    }
    default:
      return convertIntegers(dtype, values);
  }
}

/**
 * @internal Index of the first element that does not belong in string data: one that is neither text nor bytes, or
 * is of another kind than element 0; -1 where there is none.
 */
export function findForeignString(values: readonly unknown[]): number {
  if (typeof values[0] === 'string') {
    for (let i = 1; i < values.length; i++) if (typeof values[i] !== 'string') return i;
  } else {
    for (let i = 0; i < values.length; i++) if (typedArrayName(values[i]) !== 'Uint8Array') return i;
  }
  return -1;
}

/** @internal What every element of this string data should be, in words. */
export function describeStringKind(values: readonly unknown[]): string {
  if (typeof values[0] === 'string') return 'a string, as element 0 is';
  return typedArrayName(values[0]) === 'Uint8Array'
    ? 'a Uint8Array, as element 0 is'
    : 'a string or a Uint8Array';
}

// The loops below count up to `length` instead of iterating so that a hole in a sparse array is seen, as undefined.

function checkNumbers(dtype: NumericDType, values: readonly unknown[]): readonly number[] {
  for (let i = 0; i < values.length; i++) {
    if (typeof values[i] !== 'number') throw unfit(dtype, values, i, 'a number');
  }
  return values as readonly number[];
}

function convertIntegers(dtype: SmallIntDType, values: readonly unknown[]): TensorDataByDType[SmallIntDType] {
  const [least, most] = ranges[dtype];
  const data = newData(dtype, values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
      throw unfit(dtype, values, i, `an integer from ${least} to ${most}`);
    }
    data[i] = value as number;
  }
  return data;
}

function convertBigInts(dtype: BigIntDType, values: readonly unknown[]): TensorDataByDType[BigIntDType] {
  const [least, most] = bigRanges[dtype];
  const data = newData(dtype, values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const big = Number.isSafeInteger(value) ? BigInt(value as number) : value;
    if (typeof big !== 'bigint' || big < least || big > most) {
      throw unfit(dtype, values, i, `a bigint from ${least} to ${most}, or a safe integer in that range`);
    }
    data[i] = big;
  }
  return data;
}

function convertBooleans(values: readonly unknown[]): Uint8Array {
  const data = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === true || value === 1) data[i] = 1;
    else if (value !== false && value !== 0) throw unfit('bool', values, i, 'true or false');
  }
  return data;
}

function unfit(dtype: DType, values: readonly unknown[], index: number, expected: string) {
  const actual = describeValue(values[index]);
  return invalidArgument(
    `Cannot convert element ${index} to ${dtype}: it is ${actual}, expected ${expected}`,
    {
      actual,
      expected,
    },
  );
}
