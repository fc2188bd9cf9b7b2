import { Float16Array } from '@petamoriken/float16';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeBfloat16,
  decodeFloat16,
  encodeBfloat16,
  encodeFloat16,
  float16ToFloat32Bits,
  float32BitsToFloat16,
} from '#dist/core/half.js';

const everyPattern = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);
const oracle = (value: number) => new Uint16Array(new Float16Array([value]).buffer)[0];

/** Exact in float64: the nearer of the two bfloat16 neighbours, the even one at a tie. */
function nearestBfloat16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 2 ** 128 - 2 ** 119) return sign | 0x7f80;
  const exponent = Math.max(Math.floor(Math.log2(size || 1)), -126);
  // log2 may be one off next to a power of two; a unit that is too small only makes the significand reach 256.
  const unit = 2 ** ((2 ** exponent > size && exponent > -126 ? exponent - 1 : exponent) - 7);
  const units = size / unit;
  const floor = Math.floor(units);
  const rest = units - floor;
  const nearest = floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0);
  const float = new Float32Array([nearest * unit]);
  return sign | ((bitsOf(float)[0] as number) >>> 16);
}

describe('float16', () => {
  it('decodes all 65536 patterns to the float32 that the oracle gives', () => {
    const values = decodeFloat16(everyPattern);
    const expected = Float32Array.from(new Float16Array(everyPattern.buffer.slice(0)));
    for (const bits of everyPattern) {
      if (Number.isNaN(expected[bits])) expect(values[bits]).toBeNaN();
      else if (!Object.is(values[bits], expected[bits]))
        expect.fail(`0x${bits.toString(16)}: ${values[bits]}`);
    }
  });

  it('gives every pattern back unchanged, NaN payloads included', () => {
    expect(encodeFloat16(decodeFloat16(everyPattern))).toEqual(everyPattern);
    for (const bits of everyPattern) {
      if (float32BitsToFloat16(float16ToFloat32Bits(bits)) !== bits) expect.fail(`0x${bits.toString(16)}`);
    }
  });

  it('rounds like the oracle at every tie, and next to it on either side', () => {
    const finite = decodeFloat16(everyPattern).filter((value) => Number.isFinite(value));
    finite.sort();
    for (let i = 1; i < finite.length; i++) {
      const tie = ((finite[i - 1] as number) + (finite[i] as number)) / 2;
      for (const value of [
        tie,
        tie * (1 + 2 ** -52),
        tie * (1 - 2 ** -52),
        tie * (1 + 2 ** -23),
        tie * (1 - 2 ** -23),
      ]) {
        if (encodeFloat16([value])[0] !== oracle(value)) expect.fail(String(value));
      }
    }
  });

  it('rounds any float64 and any float32 like the oracle', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double(), fc.double({ min: -70_000, max: 70_000 }), fc.double({ min: -1e-4, max: 1e-4 })),
        (value) => {
          fc.pre(!Number.isNaN(value));
          expect(encodeFloat16([value])[0]).toBe(oracle(value));
          expect(encodeFloat16(new Float32Array([value]))[0]).toBe(oracle(Math.fround(value)));
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it.each([
    ['the largest finite value', 65_504, 0x7bff],
    ['just below the tie to infinity', 65_519.99999999999, 0x7bff],
    ['the tie to infinity', 65_520, 0x7c00],
    ['beyond float32', 1e300, 0x7c00],
    ['minus infinity', -Infinity, 0xfc00],
    ['minus zero', -0, 0x8000],
    ['the tie to zero', 2 ** -25, 0],
    ['just above the tie to zero', 2 ** -25 * (1 + 2 ** -52), 1],
    ['below every float32', -1e-320, 0x8000],
    ['the smallest normal', 2 ** -14, 0x400],
    ['a subnormal that rounds up to the smallest normal', 2 ** -14 - 2 ** -26, 0x400],
    ['not a number', Number.NaN, 0x7e00],
  ])('encodes %s', (_reason, value, bits) => {
    expect(encodeFloat16([value])[0]).toBe(bits);
  });

  it('keeps a NaN whose payload lies in the low bits a NaN', () => {
    expect(float32BitsToFloat16(0x7f800001)).toBe(0x7e00);
    expect(float32BitsToFloat16(0xff802000)).toBe(0xfc01);
  });
});

describe('bfloat16', () => {
  it('decodes every pattern to the float32 with those upper bits, and back unchanged', () => {
    const values = decodeBfloat16(everyPattern);
    expect(bitsOf(values).every((bits, pattern) => bits === (pattern << 16) >>> 0)).toBe(true);
    expect(encodeBfloat16(values)).toEqual(everyPattern);
  });

  it('rounds any float64 to the nearest, ties to even, once', () => {
    const near = fc
      .tuple(
        fc.integer({ min: 0, max: 0x7f7e }),
        fc.constantFrom(0, 2 ** -52, -(2 ** -52), 2 ** -24, -(2 ** -24)),
      )
      .map(([bits, nudge]) => {
        const [low, high] = decodeBfloat16(Uint16Array.of(bits, bits + 1)) as unknown as [number, number];
        return ((low + high) / 2) * (1 + nudge);
      });
    fc.assert(
      fc.property(fc.oneof(near, fc.double({ noNaN: true })), (value) => {
        expect(encodeBfloat16([value])[0]).toBe(nearestBfloat16(value));
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    ['one', 1, 0x3f80],
    ['a tie, down to even', 1 + 2 ** -8, 0x3f80],
    ['a tie, up to even', 1 + 3 * 2 ** -8, 0x3f82],
    ['a hair above a tie, which float32 would lose', 1 + 2 ** -8 + 2 ** -40, 0x3f81],
    ['the largest float64', Number.MAX_VALUE, 0x7f80],
    ['minus zero', -0, 0x8000],
    ['not a number', Number.NaN, 0x7fc0],
  ])('encodes %s', (_reason, value, bits) => {
    expect(encodeBfloat16([value])[0]).toBe(bits);
  });
});
