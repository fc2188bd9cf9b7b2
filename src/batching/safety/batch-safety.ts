import { concatRows, sliceRows } from '../../core/rows.js';
import type { Servable } from '../../core/servable.js';
import type { Signature } from '../../core/signature.js';
import type { Tensor, TensorMap } from '../../core/tensor.js';
import { compareRows, findDifference, findShapeFault } from './row-comparison.js';
import { rowSets, runRows } from './row-sets.js';
import { findSignatureFault } from './signature-fault.js';
import { Trial } from './trial.js';

/** With what rows are checked. */
export interface BatchCheckOptions {
  /** Rows of a batch, at most. Below 2 there is nothing to check. */
  readonly maxRows: number;
  /** Requests as they come, of one row or several, for every required input: better than what can be made up. */
  readonly samples?: readonly TensorMap[];
  readonly signal?: AbortSignal;
}

/** Two show most faults; a third shows an order that is the same from both ends. */
const mostStackedRows = 3;

/**
 * Why rows of several requests must not share a run of this servable, in words for a status field; undefined where
 * nothing speaks against it.
 *
 * What the signature says is looked at first. Then a few distinct rows, from the samples or made up, are run each
 * alone and all together, and the answers are compared. Where those of an output are the same for all rows, which
 * would hide that they are mixed, other values are tried; an output that never answers otherwise is taken as it is.
 *
 * @throws ServingError CANCELLED when the signal is aborted; UNAVAILABLE or RESOURCE_EXHAUSTED where a run fails so,
 *   which says nothing of the model.
 */
export async function findBatchFault(
  servable: Servable,
  signature: Signature,
  { maxRows, samples = [], signal }: BatchCheckOptions,
): Promise<string | undefined> {
  if (maxRows < 2) return undefined;
  const refusal = findSignatureFault(signature);
  if (refusal !== undefined) return refusal;
  const trial = new Trial(servable, signature, signal);
  const evidence = new Evidence(signature);
  const sets = rowSets(trial, signature, Math.min(maxRows, mostStackedRows), samples);
  let failure = '';
  let isChecked = false;
  for await (const set of sets) {
    if ('fault' in set) {
      failure = set.fault;
      continue;
    }
    const fault = await findRowFault(trial, set.rows, set.answers);
    if (fault !== undefined) return fault;
    isChecked = true;
    if (evidence.isCompleteWith(set.answers)) return undefined;
  }
  return isChecked ? undefined : `no row could be made to check it with: ${failure}`;
}

/** What goes wrong with these rows when they are run together. */
async function findRowFault(
  trial: Trial,
  rows: readonly TensorMap[],
  alone: readonly TensorMap[],
): Promise<string | undefined> {
  for (const answer of alone) {
    const fault = findShapeFault(answer, 1);
    if (fault !== undefined) return fault;
  }
  const together = await trial.run(stackRows(rows));
  if ('fault' in together) return `it fails with ${rows.length} rows: ${together.fault}`;
  const fault = findShapeFault(together.outputs, rows.length) ?? compareRows(together.outputs, alone);
  if (fault === undefined || (await isRounding(trial, rows, alone, together.outputs))) return undefined;
  // Once more, alone: of a model that draws lots, nothing else could be expected.
  const again = await runRows(trial, rows);
  const isSteady = 'answers' in again && alone.every((answer, row) => areAlike(answer, again.answers[row]));
  return isSteady ? fault : 'it does not answer the same row the same way twice';
}

/**
 * True where the answers differ from those alone by the number of rows only, and by little: other kernels add up in
 * another order, and a model that is asked for what it cannot tell amplifies that. Each row then gets the same answer
 * in company of its own copies as in that of other rows, which it does not where rows are mixed.
 */
async function isRounding(
  trial: Trial,
  rows: readonly TensorMap[],
  alone: readonly TensorMap[],
  together: TensorMap,
): Promise<boolean> {
  const count = rows.length;
  if (findShapeFault(together, count) || compareRows(together, alone, 'amplified')) return false;
  const amongCopies: TensorMap[] = [];
  for (const [row, inputs] of rows.entries()) {
    const copies = await trial.run(stackRows(new Array<TensorMap>(count).fill(inputs)));
    if ('fault' in copies || findShapeFault(copies.outputs, count)) return false;
    amongCopies.push(sliceAll(copies.outputs, row));
  }
  return compareRows(together, amongCopies) === undefined;
}

/** One set of inputs with the rows of all, in order. */
function stackRows(rows: readonly TensorMap[]): TensorMap {
  const aliases = Object.keys(rows[0] as TensorMap);
  return Object.fromEntries(
    aliases.map((alias) => [alias, concatRows(rows.map((row) => row[alias] as Tensor))]),
  );
}

function sliceAll(outputs: TensorMap, row: number): TensorMap {
  return Object.fromEntries(
    Object.entries(outputs).map(([alias, output]) => [alias, sliceRows(output, row, row + 1)]),
  );
}

function areAlike(answer: TensorMap, other: TensorMap | undefined): boolean {
  return Object.entries(answer).every(([alias, output]) => {
    const own = other?.[alias];
    return own !== undefined && findDifference(own, output) === undefined;
  });
}

/** What has been seen so far: of mixed rows that are the same, nothing can be told. */
class Evidence {
  /** Outputs that have been the same for all rows that were looked at. */
  readonly #constantOutputs: Set<string>;
  /** True once every row of a set was told from every other by some output. */
  #areRowsDistinct = false;

  constructor(signature: Signature) {
    this.#constantOutputs = new Set(Object.keys(signature.outputs));
  }

  isCompleteWith(answers: readonly TensorMap[]): boolean {
    const pairs = answers.flatMap((one, row) => answers.slice(row + 1).map((other) => [one, other] as const));
    for (const alias of this.#constantOutputs) {
      const differs = pairs.some(([one, other]) =>
        findDifference(one[alias] as Tensor, other[alias] as Tensor),
      );
      if (differs) this.#constantOutputs.delete(alias);
    }
    this.#areRowsDistinct ||= pairs.every(([one, other]) => !areAlike(one, other));
    return this.#areRowsDistinct && this.#constantOutputs.size === 0;
  }
}
