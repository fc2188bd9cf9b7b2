import type { RowShapes } from '../../core/samples/sample-rows.js';
import { makeRows, rowShapeChoices } from '../../core/samples/sample-rows.js';
import type { Scale } from '../../core/samples/sample-values.js';
import { sampleScales } from '../../core/samples/sample-values.js';
import type { Signature } from '../../core/signature.js';
import type { TensorMap } from '../../core/tensor.js';
import { pickRows, shapesOf } from './given-rows.js';
import type { Trial } from './trial.js';

/** Distinct rows that can be stacked, and what the model answers to each alone. */
export interface RowSet {
  readonly rows: readonly TensorMap[];
  readonly answers: readonly TensorMap[];
}

/** No rows, and why not, in words. */
export interface NoRows {
  readonly fault: string;
  /** The place of the row that failed. */
  readonly row: number;
}

/** Sets of made-up rows that run, at most: a large model with an output that never varies must load all the same. */
const mostSets = 10;

/** Rows that fail before it is believed that the model takes none that could be made up. */
const mostFailures = 200;

/**
 * Sets of `count` distinct rows to check a model with, one after the other, each row run alone already: first one
 * from the samples, then made-up ones, from gentle to coarse values. Where no rows of a kind would run, why not.
 */
export async function* rowSets(
  trial: Trial,
  signature: Signature,
  count: number,
  samples: readonly TensorMap[],
): AsyncGenerator<RowSet | NoRows> {
  let choices: readonly RowShapes[] = rowShapeChoices(signature, count);
  const given = pickRows(signature, samples, count);
  if (given !== undefined) {
    const set = await runRows(trial, given);
    if ('answers' in set) choices = [shapesOf(given[0] as TensorMap)];
    yield set;
  }
  let [failures, sets] = [0, 0];
  for (const scale of sampleScales(signature)) {
    const set = await findSet(trial, signature, count, scale, choices);
    // A shape that ran is kept: what the values do is looked at from then on.
    if ('answers' in set) {
      choices = [shapesOf(set.rows[0] as TensorMap)];
      sets++;
    } else failures += choices.length;
    yield set;
    if (sets === mostSets || failures > mostFailures) return;
  }
}

/** The first choice of shapes whose rows run and are answered with something; else one that is answered at all. */
async function findSet(
  trial: Trial,
  signature: Signature,
  count: number,
  scale: Scale,
  choices: readonly RowShapes[],
): Promise<RowSet | NoRows> {
  let best: RowSet | NoRows = { fault: 'a row would be too large', row: 0 };
  for (const shapes of choices) {
    const set = await runRows(trial, makeRows(signature, new Array<RowShapes>(count).fill(shapes), scale));
    if ('answers' in set && !set.answers.every(isEmpty)) return set;
    if (!('answers' in best)) best = set;
  }
  return best;
}

/** Runs each row alone as it comes. Where one fails, no more are asked for. */
export async function runRows(trial: Trial, rows: Iterable<TensorMap>): Promise<RowSet | NoRows> {
  const [taken, answers]: [TensorMap[], TensorMap[]] = [[], []];
  for (const inputs of rows) {
    const result = await trial.run(inputs);
    if ('fault' in result) return { ...result, row: taken.length };
    taken.push(inputs);
    answers.push(result.outputs);
  }
  return { rows: taken, answers };
}

function isEmpty(answer: TensorMap): boolean {
  return Object.values(answer).every(({ data }) => data.length === 0);
}
