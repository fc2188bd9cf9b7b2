import type { RowShapes } from '../../core/samples/sample-rows.js';
import { makeRows, requiredInputs, rowShapeChoices } from '../../core/samples/sample-rows.js';
import type { Scale } from '../../core/samples/sample-values.js';
import { sampleScales } from '../../core/samples/sample-values.js';
import type { Signature } from '../../core/signature.js';
import type { TensorMap } from '../../core/tensor.js';
import { shapesOf, splitSample } from './given-rows.js';
import type { NoRows, RowSet } from './row-sets.js';
import { runRows } from './row-sets.js';
import type { Trial } from './trial.js';

/** Two rows, the first smaller than the second, and what the model answers to each alone. */
export type RowPair = RowSet;

/** Kinds of values that are tried, whether rows of them run or not. */
const mostScales = 10;

/** True where requests may differ in the size of other axes than 0. */
export function hasOpenInnerAxis(signature: Signature): boolean {
  return requiredInputs(signature).some(([, { shape }]) =>
    shape.some((dim, at) => at > 0 && typeof dim !== 'number'),
  );
}

/**
 * Pairs of rows that differ in size, each row run alone already: first one from the samples, then made-up ones, from
 * gentle to coarse values. Where no two sizes would run, why not.
 */
export async function* rowPairs(
  trial: Trial,
  signature: Signature,
  samples: readonly TensorMap[],
): AsyncGenerator<RowPair | NoRows> {
  const given = findUnequalRows(samples.flatMap((sample) => splitSample(signature, sample)));
  if (given !== undefined) yield await runRows(trial, given);
  let choices = pairsOfShapes(rowShapeChoices(signature, 2));
  for (const scale of paddingScales(signature)) {
    const pair = await findPair(trial, signature, scale, choices);
    if ('answers' in pair) choices = [pair.rows.map(shapesOf) as [RowShapes, RowShapes]];
    yield pair;
  }
}

/** All below zero comes second: there, what rows are filled up with is the greatest element. */
function paddingScales(signature: Signature): Scale[] {
  const [first, ...rest] = sampleScales(signature) as [Scale, ...Scale[]];
  return [first, { ...first, floats: [-1, -0.1] as const }, ...rest].slice(0, mostScales);
}

async function findPair(
  trial: Trial,
  signature: Signature,
  scale: Scale,
  choices: readonly (readonly [RowShapes, RowShapes])[],
): Promise<RowPair | NoRows> {
  const refused = new Set<RowShapes>();
  let last: NoRows = { fault: 'a row would be too large', row: 0 };
  for (const shapes of choices) {
    if (shapes.some((each) => refused.has(each))) continue;
    const pair = await runRows(trial, makeRows(signature, shapes, scale));
    if ('answers' in pair) return pair;
    last = pair;
    refused.add(shapes[pair.row] as RowShapes);
  }
  return last;
}

/** The pairs of which one is nowhere larger than the other, with the likely ones first. */
function pairsOfShapes(choices: readonly RowShapes[]): [RowShapes, RowShapes][] {
  return choices.flatMap((small) =>
    choices
      .filter((large) => large !== small && fitsInto(small, large))
      .map((large): [RowShapes, RowShapes] => [small, large]),
  );
}

function findUnequalRows(rows: readonly TensorMap[]): [TensorMap, TensorMap] | undefined {
  for (const small of rows) {
    const large = rows.find((row) => sizesOf(row) !== sizesOf(small));
    if (large !== undefined) return [small, large];
  }
  return undefined;
}

function sizesOf(row: TensorMap): string {
  return Object.values(row)
    .map(({ shape }) => String(shape))
    .join(';');
}

function fitsInto(small: RowShapes, large: RowShapes): boolean {
  return Object.entries(small).every(([alias, shape]) =>
    shape.every((size, axis) => size <= (large[alias]?.[axis] as number)),
  );
}
