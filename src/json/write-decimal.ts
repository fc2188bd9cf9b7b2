// Hot path: once for each number of an answer. Guarded by bench/json/encode.mjs.
import { char } from './characters.js';
import type { JsonWriter } from './json-writer.js';

/**
 * Writes a float with the 6 digits of printf's `%g` where they read back to the same float, and with the 9 of `%.9g` where
 * they do not; `.0` is added to what would look like an integer; NaN, Infinity and -Infinity are written as such. So
 * 0.333333343, 1e+06, 16777216.0, -0.0.
 *
 * Source: TF Serving, util/json_tensor.cc, `WriteDecimal`.
 */
export function writeFloat32(writer: JsonWriter, value: number): void {
  const magnitude = Math.abs(value);
  if (!(magnitude >= leastQuick && magnitude < mostQuick)) {
    writeSlowly(writer, value, { isSingle: true });
    return;
  }
  const isNegative = value < 0;
  const exponent = decimalExponent(magnitude);
  const short = roundTo(6, magnitude, exponent);
  if (Math.fround(scale(short.digits, short.exponent - 5)) === magnitude) {
    writeDigits(writer, { isNegative, ...short });
    return;
  }
  const long = roundTo(9, magnitude, exponent);
  if (long.isNearTie) writeSlowly(writer, value, { isSingle: true });
  else writeDigits(writer, { isNegative, ...long });
}

/** So many digits of a number, as an integer. */
function roundTo(count: number, magnitude: number, exponent: number) {
  const exact = scale(magnitude, count - 1 - exponent);
  const digits = Math.round(exact);
  const isNearTie = Math.abs(Math.abs(exact - digits) - 0.5) < tieMargin;
  const isOneMore = digits === powers[count];
  return isOneMore
    ? { digits: digits / 10, count, exponent: exponent + 1, isNearTie }
    : { digits, count, exponent, isNearTie };
}

/** The same for a double, with the 17 digits of `%.17g` where 6 are not enough. */
export function writeFloat64(writer: JsonWriter, value: number): void {
  if (value === Math.trunc(value) && Math.abs(value) < 1e6 && value !== 0) writer.raw(`${value}.0`);
  else writeSlowly(writer, value, { isSingle: false });
}

/** Within these, ten to the power of all that is needed is exact, and a product has one rounding. */
const leastQuick = 1e-13;
const mostQuick = 1e21;
/** Half a unit of 9 digits is 5e-10 of the value; a product is off by 1e-16 of it. */
const tieMargin = 1e-5;
const powers = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

function scale(value: number, exponent: number): number {
  return exponent >= 0 ? value * (powers[exponent] as number) : value / (powers[-exponent] as number);
}

/** What the exponent of a number is in scientific notation. */
function decimalExponent(magnitude: number): number {
  let exponent = Math.floor(Math.log10(magnitude));
  // The logarithm may be off by one beside a power of ten.
  if (magnitude >= powerOf(exponent + 1)) exponent++;
  else if (magnitude < powerOf(exponent)) exponent--;
  return exponent;
}

function powerOf(exponent: number): number {
  return exponent >= 0 ? (powers[exponent] as number) : 1 / (powers[-exponent] as number);
}

interface Decimal {
  readonly isNegative: boolean;
  /** The significant digits, as an integer. */
  readonly digits: number;
  /** How many they are. */
  readonly count: number;
  /** The power of ten of the first one. */
  readonly exponent: number;
}

/** As `%g` does: without zeros at the end, and with an exponent where there are more places than digits, or many zeros. */
function writeDigits(writer: JsonWriter, { isNegative, digits, count: precision, exponent }: Decimal): void {
  const start = writer.reserve(40);
  const bytes = writer.buffer(0);
  let rest = digits;
  let count = precision;
  while (rest % 10 === 0) {
    rest /= 10;
    count--;
  }
  let at = start;
  if (isNegative) bytes[at++] = char.minus;
  if (exponent < -4 || exponent >= precision) {
    const end = at + (count === 1 ? 1 : count + 1);
    let place = end;
    for (let written = 0; written < count - 1; written++) {
      bytes[--place] = char.zero + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    if (count > 1) bytes[--place] = char.point;
    bytes[--place] = char.zero + rest;
    writer.length = writeExponent(bytes, end, exponent);
    return;
  }
  if (exponent < 0) {
    bytes[at++] = char.zero;
    bytes[at++] = char.point;
    for (let zero = -1; zero > exponent; zero--) bytes[at++] = char.zero;
    at = writeInteger(bytes, at, { digits: rest, count });
  } else if (count <= exponent + 1) {
    for (let places = count; places < exponent + 1; places++) rest *= 10;
    at = writeInteger(bytes, at, { digits: rest, count: exponent + 1 });
    bytes[at++] = char.point;
    bytes[at++] = char.zero;
  } else {
    const unit = powers[count - exponent - 1] as number;
    const whole = Math.floor(rest / unit);
    at = writeInteger(bytes, at, { digits: whole, count: exponent + 1 });
    bytes[at++] = char.point;
    at = writeInteger(bytes, at, { digits: rest - whole * unit, count: count - exponent - 1 });
  }
  writer.length = at;
}

/** @returns what follows it. */
function writeInteger(
  bytes: Buffer,
  start: number,
  { digits, count }: Pick<Decimal, 'digits' | 'count'>,
): number {
  let rest = digits;
  for (let place = start + count; place > start; ) {
    const shorter = Math.floor(rest / 10);
    bytes[--place] = char.zero + rest - 10 * shorter;
    rest = shorter;
  }
  return start + count;
}

/** A sign and two digits at least. */
function writeExponent(bytes: Buffer, start: number, exponent: number): number {
  bytes[start] = char.e;
  bytes[start + 1] = exponent < 0 ? char.minus : char.plus;
  return writeInteger(bytes, start + 2, { digits: Math.abs(exponent), count: 2 });
}

/** Any number, by way of the language's own digits, which are exact. */
function writeSlowly(writer: JsonWriter, value: number, { isSingle }: { readonly isSingle: boolean }): void {
  if (!Number.isFinite(value)) {
    writer.raw(String(value));
    return;
  }
  const short = Number(value.toPrecision(6));
  const isEnough = (isSingle ? Math.fround(short) : short) === value;
  const text = general(value, isEnough ? 6 : isSingle ? 9 : 17);
  writer.raw(/[.e]/.test(text) ? text : `${text}.0`);
}

/** printf's `%.<precision>g`. */
function general(value: number, precision: number): string {
  const [mantissa, power] = value.toExponential(precision - 1).split('e') as [string, string];
  const exponent = Number(power);
  const sign = Object.is(value, -0) ? '-' : '';
  if (exponent >= -4 && exponent < precision) {
    return sign + withoutZeros(value.toFixed(Math.max(0, precision - 1 - exponent)));
  }
  const digits = String(Math.abs(exponent)).padStart(2, '0');
  return `${withoutZeros(mantissa)}e${exponent < 0 ? '-' : '+'}${digits}`;
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
