import { describe, expect, it } from 'vitest';
import { mostDecimalBytes, writeFloat32, writeFloat64 } from '#dist/json/write-decimal.js';
import { seededRandom } from '../support/seeded-random.js';

const seed = Math.floor(Math.random() * 2 ** 31);

function written(write: typeof writeFloat32, value: number): string {
  const bytes = Buffer.alloc(mostDecimalBytes);
  return bytes.toString('latin1', 0, write(bytes, 0, value));
}

/** printf's %g, by way of the language's own digits. */
function general(value: number, precision: number): string {
  const [mantissa, power] = value.toExponential(precision - 1).split('e') as [string, string];
  const exponent = Number(power);
  const trim = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  if (exponent >= -4 && exponent < precision) return trim(value.toFixed(precision - 1 - exponent));
  return `${trim(mantissa)}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

const random = seededRandom(seed);
const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);
const kinds: Readonly<Record<string, () => number>> = {
  'of any bits': () => {
    bits[0] = random() * 2 ** 32;
    return float[0] as number;
  },
  'that are probabilities': () => Math.fround(random() ** 4),
  'that are rounded': () => Math.fround(Math.round(random() * 1e7) / 10 ** Math.floor(random() * 9)),
  'beside powers of ten': () => {
    float[0] = 10 ** Math.floor(random() * 36 - 14);
    bits[0] = (bits[0] as number) + Math.floor(random() * 5) - 2;
    return float[0] as number;
  },
};

describe('a float', () => {
  it.each(Object.entries(kinds))(`%s has 6 digits, or 9 (seed ${seed})`, (_kind, next) => {
    for (let round = 0; round < 50_000; round++) {
      const value = next();
      if (!Number.isFinite(value) || value === 0) continue;
      const isShort = Math.fround(Number(value.toPrecision(6))) === value;
      const text = general(value, isShort ? 6 : 9);
      expect(written(writeFloat32, value)).toBe(/[.e]/.test(text) ? text : `${text}.0`);
    }
  });

  it.each(Object.entries(kinds))(`%s reads back to itself (seed ${seed})`, (_kind, next) => {
    for (let round = 0; round < 50_000; round++) {
      const value = next();
      const text = written(writeFloat32, value);
      if (Number.isFinite(value)) expect(Math.fround(Number(text))).toBe(value);
      else expect(text).toBe(String(value));
    }
  });

  it.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [-1.5, '-1.5'],
    [123456, '123456.0'],
    [1234567, '1234567.0'],
    [1e6, '1e+06'],
    [1e-4, '0.0001'],
    [1e-5, '1e-05'],
    [0.99999988, '0.999999881'],
    [3.4028234663852886e38, '3.40282347e+38'],
    [1e-45, '1.4013e-45'],
  ])('%d is written as %s', (value, text) => {
    expect(written(writeFloat32, Math.fround(value))).toBe(text);
  });
});

describe('a double', () => {
  it(`reads back to itself (seed ${seed})`, () => {
    const words = new Uint32Array(2);
    const double = new Float64Array(words.buffer);
    for (let round = 0; round < 50_000; round++) {
      words[0] = random() * 2 ** 32;
      words[1] = random() * 2 ** 32;
      const value = double[0] as number;
      if (Number.isFinite(value)) expect(Number(written(writeFloat64, value))).toBe(value);
    }
  });

  it.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [5, '5.0'],
    [-999999, '-999999.0'],
    [1e6, '1e+06'],
    [0.1, '0.1'],
    [1 / 3, '0.33333333333333331'],
    [2 ** 53, '9007199254740992.0'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
  ])('%d is written as %s', (value, text) => {
    expect(written(writeFloat64, value)).toBe(text);
  });
});
