// Hot path: once for each number of a request that is not plain. Guarded by bench/json/decode.mjs.
import { powersOfTen, zeroPower } from './powers-of-ten.js';

/** So many decimal digits always fit into 53 bits. */
export const exactDigits = 15;
/** With so many, each rounding loses half a unit in the last place, and there still is a power of ten for all. */
export const mostQuickDigits = 22;

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
/** Bits of a double that a float has not, in its lower half; a float's tie is their middle. */
const lostBits = 0x1fffffff;
const tie = 0x10000000;
/** Further from a tie, no error of the quick way crosses it: the digits behind the 15th make 1e-14, which is 90 units at most. */
const tieMargin = 256;
const leastNormalSingle = 2 ** -126;

/** A significand times ten to the power of an exponent; undefined where that cannot be told quickly. */
export function nearest(
  significand: number,
  exponent: number,
  isWhole: boolean,
  isSingle: boolean,
): number | undefined {
  if (exponent > 22 || exponent < -44) return undefined;
  let value = significand;
  if (exponent > 0) value *= powersOfTen[zeroPower + exponent] as number;
  else if (exponent >= -22) value /= powersOfTen[zeroPower - exponent] as number;
  else value = value / 1e22 / (powersOfTen[-exponent] as number);
  const isExact = isWhole && exponent >= -22;
  return isExact || (isSingle && !isNearTie(value)) ? value : undefined;
}

/** True where a quick result may be on the wrong side of a tie between two floats, or where floats have fewer bits. */
export function isNearTie(value: number): boolean {
  if (value < leastNormalSingle) return value !== 0;
  double[0] = value;
  const distance = ((halves[0] as number) & lostBits) - tie;
  return distance > -tieMargin && distance < tieMargin;
}
