import { newData } from '../../core/dtype.js';
import { commonRowCount, sliceRows } from '../../core/rows.js';
import type { RowShapes } from '../../core/samples/sample-rows.js';
import { requiredInputs } from '../../core/samples/sample-rows.js';
import type { Signature } from '../../core/signature.js';
import type { Tensor, TensorMap } from '../../core/tensor.js';
import { tensor } from '../../core/tensor.js';
import { findDifference } from './row-comparison.js';

/**
 * `count` rows of one shape out of given requests: different ones as far as they go, then the same with their values
 * moved along, which keeps each value one that the model takes. Undefined where there is no row to be had.
 */
export function pickRows(
  signature: Signature,
  samples: readonly TensorMap[],
  count: number,
): readonly TensorMap[] | undefined {
  const rows = samples.flatMap((sample) => splitSample(signature, sample));
  const [first] = rows;
  if (first === undefined) return undefined;
  const picked: TensorMap[] = [];
  for (const row of rows) {
    if (
      picked.length < count &&
      haveSameShapes(first, row) &&
      !picked.some((other) => areEqual(other, row))
    ) {
      picked.push(row);
    }
  }
  for (let step = 1; picked.length < count; step++) picked.push(moveValues(first, step));
  return picked;
}

/** The rows of a request, one by one, with the required inputs only. */
export function splitSample(signature: Signature, sample: TensorMap): TensorMap[] {
  const aliases = requiredInputs(signature).map(([alias]) => alias);
  if (!aliases.every((alias) => Object.hasOwn(sample, alias))) return [];
  const inputs = Object.fromEntries(aliases.map((alias) => [alias, sample[alias] as Tensor]));
  return Array.from({ length: commonRowCount(inputs) ?? 0 }, (_, row) =>
    mapTensors(inputs, (input) => sliceRows(input, row, row + 1)),
  );
}

/** The shape of each tensor, by alias. */
export function shapesOf(row: TensorMap): RowShapes {
  return Object.fromEntries(Object.entries(row).map(([alias, { shape }]) => [alias, shape]));
}

/** Every value `step` places back, the first ones last. */
function moveValues(row: TensorMap, step: number): TensorMap {
  return mapTensors(row, ({ dtype, shape, data }) => {
    const { length } = data;
    if (length === 0) return { dtype, shape, data };
    const at = step % length;
    if (dtype === 'string')
      return tensor(dtype, shape, [...data.slice(at), ...data.slice(0, at)] as string[]);
    const moved = newData(dtype, length) as Float64Array;
    const source = data as Float64Array;
    moved.set(source.subarray(at));
    moved.set(source.subarray(0, at), length - at);
    return { dtype, shape, data: moved };
  });
}

function mapTensors(tensors: TensorMap, change: (tensor: Tensor) => Tensor): TensorMap {
  return Object.fromEntries(Object.entries(tensors).map(([alias, each]) => [alias, change(each)]));
}

function haveSameShapes(one: TensorMap, other: TensorMap): boolean {
  return Object.entries(one).every(([alias, { shape }]) => String(shape) === String(other[alias]?.shape));
}

function areEqual(one: TensorMap, other: TensorMap): boolean {
  return Object.entries(one).every(([alias, each]) => !findDifference(other[alias] as Tensor, each));
}
