import type { DType } from '../../core/dtype.js';
import type { Signature } from '../../core/signature.js';
import type { Tensor } from '../../core/tensor.js';
import { elementCount, tensor } from '../../core/tensor.js';

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
  const [least, most] = scale.floats;
  const element = (index: number): number | string => {
    switch (kindOf(dtype)) {
      case 'float':
        return (least + (most - least) * random()) / (row + 1);
      case 'text':
        // The first text differs from row to row, as there may be no other.
        return scale.texts[index === 0 ? row : randomBelow(scale.texts.length, random)] as string;
      default: {
        const greatest = dtype === 'bool' ? 1 : scale.greatestInteger;
        if (index > 0) return randomBelow(greatest + 1, random);
        return count > 1 ? 1 : Math.min(row, greatest);
      }
    }
  };
  return tensor(dtype, shape, Array.from({ length: count }, (_, index) => element(index)) as never);
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
