import { describeValue } from './describe.js';
import type { DType, NumericData, NumericDType, TensorDataByDType } from './dtype.js';
import { newData } from './dtype.js';
import { ServingError } from './errors.js';
import { type FeatureValues, isOfKind, unfit } from './feature-values.js';
import { encodeBfloat16, encodeFloat16 } from './half.js';

type Kind = NonNullable<FeatureValues['kind']>;

const kindWords = { bytes: 'a bytes_list', float: 'a float_list', int64: 'an int64_list', number: 'numbers' };
const valueWords = {
  bytes: 'a string or bytes',
  float: 'a number',
  int64: 'a bigint or a boolean',
  number: 'a number',
};

/**
 * @internal The elements of a tensor with the values of one feature of each example, in order. In memory of their own.
 *
 * @param width how many values each feature has
 * @throws ServingError INVALID_ARGUMENT for values that do not fit the dtype; RESOURCE_EXHAUSTED where there is no room.
 */
export function featureElements<D extends DType>(
  alias: string,
  dtype: D,
  features: readonly FeatureValues[],
  width: number,
): TensorDataByDType[D] {
  const elements: TensorDataByDType[DType] =
    dtype === 'string'
      ? toStrings(alias, features, width)
      : toNumbers(alias, dtype as NumericDType, features, width);
  return elements as TensorDataByDType[D];
}

function toNumbers(
  alias: string,
  dtype: NumericDType,
  features: readonly FeatureValues[],
  width: number,
): NumericData {
  const isHalf = dtype === 'float16' || dtype === 'bfloat16';
  const data = allocate(alias, isHalf ? 'float64' : dtype, features.length, width) as Float64Array;
  for (const [place, { kind, values }] of features.entries()) {
    if (kind === undefined) continue;
    const convert = converterOf(dtype, kind);
    if (convert === undefined) throw wrongKind(alias, place, kind, dtype);
    const start = place * width;
    if (kind === 'number' && dtype.includes('float') && ArrayBuffer.isView(values)) {
      data.set(values as unknown as Float64Array, start);
      continue;
    }
    for (let index = 0; index < width; index++) {
      const value = values[index];
      const element = isOfKind(kind, value) ? convert(value as number) : undefined;
      if (element === undefined) throw wrongValue(alias, place, kind, dtype, value, index);
      data[start + index] = element as number;
    }
  }
  if (!isHalf) return data;
  return dtype === 'float16' ? encodeFloat16(data) : encodeBfloat16(data);
}

type Convert = (value: number | bigint | boolean) => number | bigint | undefined;

/** What makes elements of a dtype of the values of a kind, and nothing of those that do not fit; undefined for none. */
function converterOf(dtype: NumericDType, kind: Kind): Convert | undefined {
  if (kind === 'bytes') return undefined;
  if (dtype.includes('float')) return kind === 'int64' ? integerToFloat : (value) => value as number;
  if (kind === 'float') return undefined;
  const isBig = dtype.endsWith('64');
  const bits = BigInt(dtype.replace(/\D/g, '') || 1); // bool has one
  const least = dtype.startsWith('int') ? -(1n << (bits - 1n)) : 0n;
  const most = least + (1n << bits) - 1n;
  return isBig ? bigConverter(least, most) : smallConverter(Number(least), Number(most));
}

function integerToFloat(value: number | bigint | boolean): number | undefined {
  const number = Number(value);
  return number >= -(2 ** 63) && number <= 2 ** 64 ? number : undefined;
}

function bigConverter(least: bigint, most: bigint): Convert {
  return (value) => {
    // Beyond 2^53 a number may already be another one than the one meant.
    if (typeof value === 'number' && !Number.isSafeInteger(value)) return undefined;
    const big = BigInt(value);
    return big >= least && big <= most ? big : undefined;
  };
}

function smallConverter(least: number, most: number): Convert {
  return (value) => {
    const number = Number(value);
    return Number.isInteger(number) && number >= least && number <= most ? number : undefined;
  };
}

/** Text where all values of all examples are UTF-8, else bytes: the elements of a tensor are of one kind. */
function toStrings(
  alias: string,
  features: readonly FeatureValues[],
  width: number,
): readonly string[] | readonly Uint8Array[] {
  const given: (string | Uint8Array)[] = [];
  for (const [place, { kind, values }] of features.entries()) {
    if (kind === undefined) continue;
    if (kind !== 'bytes') throw wrongKind(alias, place, kind, 'string');
    for (let index = 0; index < width; index++) {
      const value = values[index];
      if (!isOfKind(kind, value)) throw wrongValue(alias, place, kind, 'string', value, index);
      given.push(value as string | Uint8Array);
    }
  }
  try {
    const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return given.map((value) => (typeof value === 'string' ? value : utf8.decode(value)));
  } catch {
    const encoder = new TextEncoder();
    return given.map((value) => (typeof value === 'string' ? encoder.encode(value) : new Uint8Array(value)));
  }
}

function allocate(alias: string, dtype: NumericDType, count: number, width: number): NumericData {
  try {
    return newData(dtype, count * width);
  } catch (cause) {
    const message = `Cannot make input "${alias}" of ${count} examples with ${width} values each: there is no memory`;
    throw new ServingError('RESOURCE_EXHAUSTED', message, { input: alias, cause });
  }
}

function wrongKind(alias: string, place: number, kind: Kind, dtype: DType): ServingError {
  return unfit(alias, place, `it is ${kindWords[kind]}, and the input is ${dtype}`);
}

function wrongValue(
  alias: string,
  place: number,
  kind: Kind,
  dtype: DType,
  value: unknown,
  index: number,
): ServingError {
  const came = typeof value === 'bigint' ? String(value) : describeValue(value);
  const why = isOfKind(kind, value)
    ? `it has ${came}, and the input is ${dtype}`
    : `its value ${index} is ${came}, expected ${valueWords[kind]}${index > 0 ? ', as value 0 is' : ''}`;
  return unfit(alias, place, why);
}
