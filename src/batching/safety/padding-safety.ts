import { formatShape, quote } from '../../core/describe.js';
import { sliceRows } from '../../core/rows.js';
import { requiredInputs } from '../../core/samples/sample-rows.js';
import type { Servable } from '../../core/servable.js';
import type { Signature } from '../../core/signature.js';
import type { Tensor, TensorMap } from '../../core/tensor.js';
import { cutToShape } from './cut-to-shape.js';
import { findDifference, findShapeFault } from './row-comparison.js';
import type { RowPair } from './row-pairs.js';
import { hasOpenInnerAxis, rowPairs } from './row-pairs.js';
import { findSignatureFault } from './signature-fault.js';
import { Trial } from './trial.js';

/** With what padding is checked. */
export interface PaddingCheckOptions {
  /** Rows of a batch, at most. Below 2 there is nothing to check. */
  readonly maxRows: number;
  /** One set of inputs with the rows of all, in order, each filled up to the largest size of every axis. */
  readonly merge: (rows: readonly TensorMap[]) => TensorMap;
  /** Requests as they come: two rows among them that differ in size are better than what can be made up. */
  readonly samples?: readonly TensorMap[];
  readonly signal?: AbortSignal;
}

/** Pairs of other values that are looked at. One may be such that padding does nothing to it by chance. */
const mostPairs = 4;

/**
 * Why rows that differ in the size of inner axes must not be padded to share a run of this servable, in words for a
 * status field; undefined where nothing speaks against it, or there is nothing to pad.
 *
 * A shorter and a longer row, from the samples or made up, are run alone and, padded, together. The answers, with
 * each axis that the model calls by the name of an inner axis of an input cut back to the row's own size, must be
 * those that the rows get alone; any other axis must have the same size with and without padding.
 *
 * @throws ServingError CANCELLED when the signal is aborted; UNAVAILABLE or RESOURCE_EXHAUSTED where a run fails so,
 *   which says nothing of the model.
 */
export async function findPaddingFault(
  servable: Servable,
  signature: Signature,
  { maxRows, merge, samples = [], signal }: PaddingCheckOptions,
): Promise<string | undefined> {
  if (maxRows < 2) return undefined;
  const refusal = findSignatureFault(signature);
  if (refusal !== undefined) return refusal;
  if (!hasOpenInnerAxis(signature)) return undefined;
  const trial = new Trial(servable, signature, signal);
  let failure = '';
  let checked = 0;
  for await (const pair of rowPairs(trial, signature, samples)) {
    if ('fault' in pair) {
      failure = pair.fault;
      continue;
    }
    const fault = await findPairFault(trial, signature, pair, merge(pair.rows));
    if (fault !== undefined) return fault;
    if (++checked === mostPairs) break;
  }
  return checked > 0 ? undefined : `no rows of two sizes could be made to check padding with: ${failure}`;
}

async function findPairFault(
  trial: Trial,
  signature: Signature,
  { rows, answers }: RowPair,
  merged: TensorMap,
): Promise<string | undefined> {
  const together = await trial.run(merged);
  if ('fault' in together) return `it fails with padded rows: ${together.fault}`;
  const fault = findShapeFault(together.outputs, rows.length);
  if (fault !== undefined) return fault;
  for (const [row, inputs] of rows.entries()) {
    for (const [alias, alone] of Object.entries(answers[row] as TensorMap)) {
      const padded = sliceRows(together.outputs[alias] as Tensor, row, row + 1);
      const difference = findDifference(cutBack(signature, alias, padded, inputs), alone);
      if (difference === undefined) continue;
      const [there, here] = difference;
      return `output ${quote(alias)} is ${there} where ${describePadding(inputs, merged)} and ${here} where it is not`;
    }
  }
  return undefined;
}

/** An output row as the caller gets it: without what lies beyond the row's own size on axes named after an input's. */
function cutBack(signature: Signature, alias: string, output: Tensor, inputs: TensorMap): Tensor {
  const sizes = new Map<unknown, number>();
  for (const [input, { shape }] of requiredInputs(signature)) {
    const own = (inputs[input] as Tensor).shape;
    for (const [axis, dim] of shape.entries()) {
      if (axis > 0 && typeof dim === 'string') sizes.set(dim, own[axis] as number);
    }
  }
  const declared = signature.outputs[alias]?.shape ?? [];
  return cutToShape(
    output,
    output.shape.map((size, axis) => (axis > 0 ? Math.min(size, sizes.get(declared[axis]) ?? size) : size)),
  );
}

function describePadding(inputs: TensorMap, merged: TensorMap): string {
  const rowsOf = (tensor: Tensor) => formatShape([1, ...tensor.shape.slice(1)]);
  const [alias, own] = (Object.entries(inputs).find(
    ([name, input]) => rowsOf(input) !== rowsOf(merged[name] as Tensor),
  ) ?? Object.entries(inputs)[0]) as [string, Tensor];
  return `input ${quote(alias)} is padded from ${formatShape(own.shape)} to ${rowsOf(merged[alias] as Tensor)}`;
}
