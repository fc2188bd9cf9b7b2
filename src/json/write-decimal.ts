// Hot path: once for each number of an answer. Guarded by bench/json/encode.mjs.
import { char } from './characters.js';
import { powersOfTen, zeroPower } from './powers-of-ten.js';

/** Bytes that a number may take. */
export const mostDecimalBytes = 32;

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);
/** Within these, all powers that are needed are exact, and a product has one rounding. */
const leastQuick = 1e-13;
const mostQuick = 1e21;
/** Half a unit of 9 digits is 5e-10 of the value; a product is off by 1e-16 of it. */
const tieMargin = 1e-5;
const millions = 1_000_000;
const billions = 1_000_000_000;

/**
 * Writes a float with the 6 digits of printf's `%g` where they read back to the same float, and with the 9 of `%.9g` where
 * they do not; `.0` is added to what would look like an integer; NaN, Infinity and -Infinity are written as such. So
 * 0.333333343, 1e+06, 16777216.0, -0.0.
 *
 * Source: TF Serving, util/json_tensor.cc, `WriteDecimal`.
 *
 * @param bytes with room for `mostDecimalBytes` from `start` on.
 * @returns what follows it.
 */
export function writeFloat32(bytes: Buffer, start: number, value: number): number {
  const magnitude = Math.abs(value);
  if (!(magnitude >= leastQuick && magnitude < mostQuick)) return writeSlowly(bytes, start, value, true);
  let at = start;
  if (value < 0) bytes[at++] = char.minus;
  const exponent = decimalExponent(magnitude);
  const short = Math.floor(scale(magnitude, 5 - exponent) + 0.5);
  if (Math.fround(scale(short, exponent - 5)) === magnitude) {
    if (short === millions) return writeDigits(bytes, at, short / 10, 6, exponent + 1);
    return writeDigits(bytes, at, short, 6, exponent);
  }
  const exact = scale(magnitude, 8 - exponent);
  const long = Math.floor(exact + 0.5);
  if (Math.abs(Math.abs(exact - long) - 0.5) < tieMargin) return writeSlowly(bytes, start, value, true);
  if (long === billions) return writeDigits(bytes, at, long / 10, 9, exponent + 1);
  return writeDigits(bytes, at, long, 9, exponent);
}

/** The same for a double, with the 17 digits of `%.17g` where 6 are not enough. */
export function writeFloat64(bytes: Buffer, start: number, value: number): number {
  const magnitude = Math.abs(value);
  if (!(magnitude >= leastQuick && magnitude < mostQuick)) return writeSlowly(bytes, start, value, false);
  const exponent = decimalExponent(magnitude);
  const short = Math.floor(scale(magnitude, 5 - exponent) + 0.5);
  if (short < millions && scale(short, exponent - 5) === magnitude) {
    if (value < 0) bytes[start] = char.minus;
    return writeDigits(bytes, value < 0 ? start + 1 : start, short, 6, exponent);
  }
  // Where both write a number without an exponent, they write the same digits.
  if (exponent < -4 || exponent >= 17) return writeSlowly(bytes, start, value, false);
  const text = value.toPrecision(17);
  let end = text.length;
  if (!text.includes('.')) return writeText(bytes, start, `${text}.0`);
  while (text.charCodeAt(end - 1) === char.zero) end--;
  if (text.charCodeAt(end - 1) === char.point) end++;
  return writeText(bytes, start, text.slice(0, end));
}

function scale(value: number, exponent: number): number {
  return exponent >= 0
    ? value * (powersOfTen[zeroPower + exponent] as number)
    : value / (powersOfTen[zeroPower - exponent] as number);
}

/** What the exponent of a number is in scientific notation. */
function decimalExponent(magnitude: number): number {
  float[0] = magnitude;
  const binary = ((floatBits[0] as number) >>> 23) - 127;
  const guess = Math.floor(binary * Math.LOG10E * Math.LN2); // right, or one too low
  if (magnitude >= (powersOfTen[zeroPower + guess + 1] as number)) return guess + 1;
  return magnitude < (powersOfTen[zeroPower + guess] as number) ? guess - 1 : guess;
}

/**
 * Writes as `%g` does: without zeros at the end, and with an exponent where there are more places than digits, or many zeros.
 *
 * @param digits the significant ones, as an integer.
 * @param precision how many they are.
 * @param exponent the power of ten of the first one.
 */
function writeDigits(
  bytes: Buffer,
  start: number,
  digits: number,
  precision: number,
  exponent: number,
): number {
  let rest = digits;
  let count = precision;
  while (rest % 10 === 0) {
    rest /= 10;
    count--;
  }
  if (exponent < -4 || exponent >= precision) return writeScientific(bytes, start, rest, count, exponent);
  let at = start;
  if (exponent < 0) {
    bytes[at++] = char.zero;
    bytes[at++] = char.point;
    for (let zero = -1; zero > exponent; zero--) bytes[at++] = char.zero;
    return writeInteger(bytes, at, rest, count);
  }
  if (count <= exponent + 1) {
    at = writeInteger(
      bytes,
      at,
      rest * (powersOfTen[zeroPower + exponent + 1 - count] as number),
      exponent + 1,
    );
    bytes[at++] = char.point;
    bytes[at++] = char.zero;
    return at;
  }
  const places = count - exponent - 1;
  const unit = powersOfTen[zeroPower + places] as number;
  const whole = Math.floor(rest / unit);
  at = writeInteger(bytes, at, whole, exponent + 1);
  bytes[at++] = char.point;
  return writeInteger(bytes, at, rest - whole * unit, places);
}

/** The exponent has a sign and two digits at least. */
function writeScientific(
  bytes: Buffer,
  start: number,
  digits: number,
  count: number,
  exponent: number,
): number {
  let at = start;
  const unit = powersOfTen[zeroPower + count - 1] as number;
  const first = Math.floor(digits / unit);
  bytes[at++] = char.zero + first;
  if (count > 1) {
    bytes[at++] = char.point;
    at = writeInteger(bytes, at, digits - first * unit, count - 1);
  }
  bytes[at++] = char.e;
  bytes[at++] = exponent < 0 ? char.minus : char.plus;
  return writeInteger(bytes, at, Math.abs(exponent), 2);
}

/** @returns what follows it. */
function writeInteger(bytes: Buffer, start: number, digits: number, count: number): number {
  let rest = digits | 0;
  for (let place = start + count; place > start; ) {
    const shorter = (rest / 10) | 0;
    bytes[--place] = char.zero + rest - 10 * shorter;
    rest = shorter;
  }
  return start + count;
}

/** Any number, by way of the language's own digits, which are exact. */
function writeSlowly(bytes: Buffer, start: number, value: number, isSingle: boolean): number {
  if (!Number.isFinite(value)) return writeText(bytes, start, String(value));
  const short = Number(value.toPrecision(6));
  const isEnough = (isSingle ? Math.fround(short) : short) === value;
  const text = general(value, isEnough ? 6 : isSingle ? 9 : 17);
  return writeText(bytes, start, /[.e]/.test(text) ? text : `${text}.0`);
}

/** Characters of ASCII. */
export function writeText(bytes: Buffer, start: number, text: string): number {
  for (let place = 0; place < text.length; place++) bytes[start + place] = text.charCodeAt(place);
  return start + text.length;
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
