import type { DType } from '../dtype.js';
import { newData } from '../dtype.js';
import type { Signature } from '../signature.js';
import type { Tensor } from '../tensor.js';
import { elementCount, tensor } from '../tensor.js';

/** What the values of a made-up row look like, for each kind of dtype. */
export interface Scale {
  /** Floats lie in [least, most). */
  readonly floats: readonly [least: number, most: number];
  /** Integers lie in 0 to this, inclusive. */
  readonly greatestInteger: number;
  readonly texts: readonly string[];
}

/** Activations and images as models mostly want them; both signs, where a function bends; bytes of an image. */
const floatRanges: readonly Scale['floats'][] = [
  [0, 1],
  [-3, 3],
  [0, 255],
];

/** 0 and 1 are rows of nearly every embedding table, and fit a mask. 100 is within int8. */
const greatestIntegers = [1, 9, 100];

/** Not in alphabetical order: a model that sorts its rows must not find them sorted. */
const words = ['stone', 'apple', 'river', 'male', 'cloud', 'blue', 'good', 'female'];
const phrases = [
  'The river is cold.',
  'a good apple',
  'Send 3 blue stones!',
  'NO CLOUDS',
  'why not',
  'e-mail me',
];
/** For models that read numbers from text. */
const numerals = ['7', '3.5', '12', '0', '41', '1'];
const textLists = [words, phrases, numerals];

/**
 * The scales to try with a signature, the gentlest first: all combinations of what its required inputs hold. One
 * scale is not enough: at a wrong one a model fails (an id beyond its table), or saturates and says the same of all.
 */
export function sampleScales(signature: Signature): Scale[] {
  const required = Object.values(signature.inputs).filter((spec) => !spec.isOptional);
  const kinds = new Set(required.map(({ dtype }) => kindOf(dtype)));
  const choices = (kind: Kind) => (kinds.has(kind) ? [0, 1, 2] : [0]);
  const places = choices('float').flatMap((float) =>
    choices('integer').flatMap((integer) => choices('text').map((text) => [float, integer, text] as const)),
  );
  const effort = (place: readonly number[]) => place.reduce((sum, each) => sum + each, 0);
  places.sort((a, b) => effort(a) - effort(b));
  return places.map(([float, integer, text]) => ({
    floats: floatRanges[float] as Scale['floats'],
    greatestInteger: greatestIntegers[integer] as number,
    texts: textLists[text] as readonly string[],
  }));
}

/**
 * A tensor of made-up values, the same whenever it is asked for.
 *
 * Rows differ in magnitude, too: a model that quantises with one scale for the whole batch then shows it. Where a row
 * has several integers, the first is 1, so that a mask does not hide everything; a lone one tells rows apart instead.
 *
 * @param row which of the rows that are to be told apart, from 0
 */
export function sampleTensor(
  dtype: DType,
  shape: readonly number[],
  scale: Scale,
  row: number,
  random: () => number,
): Tensor {
  const count = elementCount(shape);
  switch (kindOf(dtype)) {
    case 'float':
      return tensor(dtype, shape, floats(count, scale.floats, row, random, dtype === 'float64') as never);
    case 'text':
      return tensor(dtype, shape, texts(count, scale.texts, row, random) as never);
    default:
      return tensor(dtype, shape, integers(dtype, count, scale.greatestInteger, row, random) as never);
  }
}

// An image has a million elements: typed arrays, filled in place.

function floats(
  count: number,
  [least, most]: Scale['floats'],
  row: number,
  random: () => number,
  isDouble: boolean,
): Float32Array | Float64Array {
  const data = isDouble ? new Float64Array(count) : new Float32Array(count);
  for (let index = 0; index < count; index++) data[index] = (least + (most - least) * random()) / (row + 1);
  return data;
}

function integers(dtype: DType, count: number, greatest: number, row: number, random: () => number): unknown {
  const limit = (dtype === 'bool' ? 1 : greatest) + 1;
  const data = newData(dtype, count) as unknown as (number | bigint)[];
  const isBig = dtype === 'int64' || dtype === 'uint64';
  for (let index = 0; index < count; index++) {
    const first = count > 1 ? 1 : Math.min(row, limit - 1);
    const value = index === 0 ? first : randomBelow(limit, random);
    data[index] = isBig ? BigInt(value) : value;
  }
  return data;
}

/** The first text differs from row to row, as there may be no other. */
function texts(count: number, list: readonly string[], row: number, random: () => number): string[] {
  return Array.from({ length: count }, (_, index) => {
    return list[index === 0 ? row : randomBelow(list.length, random)] as string;
  });
}

/**
 * Numbers in [0, 1), the same for the same seed. A counter, mixed: neighbouring seeds give unrelated numbers.
 * Source: the finaliser of MurmurHash3.
 */
export function seededRandom(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x85ebca6b);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

type Kind = 'float' | 'integer' | 'text' | 'bool';

function kindOf(dtype: DType): Kind {
  if (dtype === 'string') return 'text';
  if (dtype === 'bool') return 'bool';
  return dtype.includes('float') ? 'float' : 'integer';
}

function randomBelow(limit: number, random: () => number): number {
  return Math.floor(random() * limit);
}
