/**
 * The two 16-bit float formats, which JavaScript has no array for on Node 20: IEEE 754 binary16 (`float16`) and the
 * upper half of a binary32 (`bfloat16`).
 */

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/**
 * The float32 bits of a float16 pattern; exact, since every float16 is a float32. NaN keeps sign and payload.
 */
export function float16ToFloat32Bits(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) return (sign | 0x7f800000 | ((magnitude & 0x3ff) << 13)) >>> 0;
  if (magnitude >= 0x400) return (sign | ((magnitude << 13) + 0x38000000)) >>> 0;
  if (magnitude === 0) return sign >>> 0;
  // Subnormal: `magnitude` counts units of 2^-24; its highest set bit becomes float32's hidden one.
  const highest = 31 - Math.clz32(magnitude);
  return (sign | ((highest + 103) << 23) | ((magnitude << (23 - highest)) & 0x7fffff)) >>> 0;
}

/**
 * The float16 pattern nearest to a float32 given by its bits, ties to even: from 65520 up it is infinity, up to 2^-25
 * it is zero. A NaN keeps its sign and the upper bits of its payload, and stays a NaN.
 */
export function float32BitsToFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 0x200);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  if (magnitude < 0x33000000) return sign;
  // The result is subnormal: the significand, hidden bit included, in units of 2^-24.
  const shift = 126 - (magnitude >>> 23);
  const significand = (magnitude & 0x7fffff) | 0x800000;
  return sign | ((significand + (1 << (shift - 1)) - 1 + ((significand >>> shift) & 1)) >>> shift);
}

/**
 * The bfloat16 pattern nearest to a float32 given by its bits, ties to even. A NaN keeps its sign and the upper bits
 * of its payload, and stays a NaN.
 */
export function float32BitsToBfloat16(bits: number): number {
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) {
    return ((bits >>> 16) & 0xff80) | ((magnitude >>> 16) & 0x7f || 0x40);
  }
  return ((bits >>> 16) & 0x8000) | ((magnitude + 0x7fff + ((magnitude >>> 16) & 1)) >>> 16);
}

/** The values of float16 patterns, in an array of their own. Exact. */
export function decodeFloat16(bits: Uint16Array): Float32Array {
  const values = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = float16ToFloat32Bits(bits[i] as number);
  return new Float32Array(values.buffer);
}

/** The values of bfloat16 patterns, in an array of their own. Exact. */
export function decodeBfloat16(bits: Uint16Array): Float32Array {
  const values = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = (bits[i] as number) << 16;
  return new Float32Array(values.buffer);
}

/** The float16 patterns nearest to `values`, ties to even; each number is rounded once, not by way of float32. */
export function encodeFloat16(values: ArrayLike<number>): Uint16Array {
  return encode(values, float32BitsToFloat16);
}

/** The bfloat16 patterns nearest to `values`, ties to even; each number is rounded once, not by way of float32. */
export function encodeBfloat16(values: ArrayLike<number>): Uint16Array {
  return encode(values, float32BitsToBfloat16);
}

function encode(values: ArrayLike<number>, narrow: (bits: number) => number): Uint16Array {
  const patterns = new Uint16Array(values.length);
  if (values instanceof Float32Array) {
    // Read as bits: a NaN that passes through a JavaScript number may lose its payload.
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) patterns[i] = narrow(bits[i] as number);
  } else {
    for (let i = 0; i < values.length; i++) patterns[i] = narrow(toOddFloat32Bits(values[i] as number));
  }
  return patterns;
}

/**
 * A number cut to float32, with the last bit set if anything was cut off ("round to odd"). The sticky bit lets the
 * second, narrower rounding see that it is not at a tie, so that two roundings give what one would have given.
 * Source: Boldo and Melquiond, "When double rounding is odd" (2005).
 */
function toOddFloat32Bits(value: number): number {
  float[0] = value;
  const rounded = float[0] as number;
  const bits = floatBits[0] as number;
  if (Object.is(rounded, value)) return bits;
  return (Math.abs(rounded) > Math.abs(value) ? bits - 1 : bits) | 1;
}
