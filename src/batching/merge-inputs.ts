// Hot path: once for each batch. Guarded by bench/batching/cpu-per-request.mjs.

import { resizeInner } from '../core/resize.js';
import { concatRows, sliceRows } from '../core/rows.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';

/** How the inputs of a version's batches are filled up. */
export interface Filling {
  /** Ascending; empty where any size will do. */
  readonly allowedBatchSizes: readonly number[];
  /** What fills up a shorter row of an input. */
  fillOf(alias: string, dtype: Tensor['dtype']): unknown;
}

/** What one request brings. */
export interface MergedPart {
  readonly inputs: TensorMap;
  readonly rows: number;
}

/** The inputs of several tasks as those of one run. */
export interface MergedInputs {
  readonly inputs: TensorMap;
  /** Rows of the tasks. */
  readonly rows: number;
  /** Rows at the end that belong to nobody. */
  readonly padding: number;
}

/**
 * Stacks the rows of tasks whose inputs go together, in their order. Where an input differs in the size of other axes,
 * each gets the largest size; where only some batch sizes are allowed, copies of the last task's first row are added.
 * Source of the latter: TF Serving, which pads alike.
 *
 * The tensors are ours to give away: the task's own where there is one task, nothing to add, and nobody else in their
 * memory; else the data are new.
 */
export function mergeInputs(tasks: readonly MergedPart[], filling: Filling): MergedInputs {
  const rows = tasks.reduce((sum, task) => sum + task.rows, 0);
  const allowed = filling.allowedBatchSizes.find((size) => size >= rows) ?? rows;
  const padding = allowed - rows;
  const [first] = tasks as readonly [MergedPart];
  if (tasks.length === 1 && padding === 0 && haveOwnMemory(first.inputs)) {
    return { inputs: first.inputs, rows, padding };
  }
  const inputs: Record<string, Tensor> = {};
  for (const alias of Object.keys(first.inputs)) {
    const parts = level(
      tasks.map((task) => task.inputs[alias] as Tensor),
      alias,
      filling,
    );
    const last = parts.at(-1) as Tensor;
    const extra = padding === 0 ? [] : new Array<Tensor>(padding).fill(sliceRows(last, 0, 1));
    putTensor(inputs, alias, concatRows([...parts, ...extra]));
  }
  return { inputs, rows, padding };
}

/** True where no other task has its inputs in the same memory. */
function haveOwnMemory(inputs: TensorMap): boolean {
  for (const alias of Object.keys(inputs)) {
    const { data } = inputs[alias] as Tensor;
    if (ArrayBuffer.isView(data) && data.byteLength < data.buffer.byteLength) return false;
  }
  return true;
}

/** Gives all parts the sizes that the largest has on each axis but axis 0. */
function level(parts: readonly Tensor[], alias: string, filling: Filling): readonly Tensor[] {
  const [first] = parts as readonly [Tensor];
  if (parts.every(({ shape }) => areInnerEqual(shape, first.shape))) return parts;
  const inner = first.shape.slice(1);
  for (const { shape } of parts) {
    for (let axis = 1; axis < shape.length; axis++) {
      inner[axis - 1] = Math.max(inner[axis - 1] as number, shape[axis] as number);
    }
  }
  const fill = filling.fillOf(alias, first.dtype);
  return parts.map((part) => resizeInner(part, inner, fill));
}

function areInnerEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true;
  for (let axis = 1; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}
