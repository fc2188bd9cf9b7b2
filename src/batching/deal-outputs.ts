// Hot path: once for each request. Guarded by bench/batching/cpu-per-request.mjs.
import { resizeInner } from '../core/resize.js';
import { sliceRows } from '../core/rows.js';
import type { ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import { scalarOutput, unequalRows } from './batch-errors.js';
import type { BatchTask } from './batch-task.js';

/** The aliases that at least one task asks for: the tasks' own list where they all ask for the same. */
export function wantedOutputs(tasks: readonly BatchTask[]): readonly string[] {
  const first = (tasks[0] as BatchTask).request.outputs;
  if (tasks.every(({ request }) => areEqual(request.outputs, first))) return first;
  return [...new Set(tasks.flatMap(({ request }) => request.outputs))];
}

function areEqual(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let place = 0; place < a.length; place++) if (a[place] !== b[place]) return false;
  return true;
}

/**
 * Checks that every output has a row for each row of input.
 *
 * @throws ServingError FAILED_PRECONDITION where one has not.
 */
export function assertRows(id: ServableId, outputs: TensorMap, rows: number): void {
  for (const alias of Object.keys(outputs)) {
    const own = (outputs[alias] as Tensor).shape[0];
    if (own === undefined) throw scalarOutput(id, alias);
    if (own !== rows) throw unequalRows(id, alias, own, rows);
  }
}

/**
 * What a task gets of a run: its rows of the outputs that it asked for, in arrays of its own. An output axis that the
 * model calls by the name of an input axis has the size that it has in the task's inputs, as if it had run alone.
 *
 * @param start the task's first row.
 * @param merged the inputs of the run.
 */
export function dealOutputs(
  task: BatchTask,
  outputs: TensorMap,
  start: number,
  merged: TensorMap,
): TensorMap {
  const { signature, outputs: aliases } = task.request;
  const own: Record<string, Tensor> = {};
  for (const alias of aliases) {
    const rows = sliceRows(outputs[alias] as Tensor, start, start + task.rows);
    putTensor(own, alias, isLevelled(task, merged) ? cutBack(rows, alias, signature, task, merged) : rows);
  }
  return own;
}

/** True where the task's rows were filled up to share the run. */
function isLevelled(task: BatchTask, merged: TensorMap): boolean {
  for (const alias of Object.keys(task.inputs)) {
    const { shape } = task.inputs[alias] as Tensor;
    const together = (merged[alias] as Tensor).shape;
    for (let axis = 1; axis < shape.length; axis++) if (shape[axis] !== together[axis]) return true;
  }
  return false;
}

function cutBack(
  rows: Tensor,
  alias: string,
  signature: Signature,
  task: BatchTask,
  merged: TensorMap,
): Tensor {
  const dims = signature.outputs[alias]?.shape ?? [];
  const inner = rows.shape.slice(1).map((size, index) => {
    const name = dims[index + 1];
    if (typeof name !== 'string') return size;
    const named = findAxis(signature, task.inputs, name);
    if (named === undefined) return size;
    const together = merged[named.alias]?.shape[named.axis];
    const own = task.inputs[named.alias]?.shape[named.axis] as number;
    return size === together ? own : size;
  });
  const cut = resizeInner(rows, inner, 0);
  return rows.classes === undefined ? cut : { ...cut, classes: rows.classes };
}

/** An axis of an input that the model calls by this name. */
function findAxis(
  { inputs }: Signature,
  given: TensorMap,
  name: string,
): { readonly alias: string; readonly axis: number } | undefined {
  for (const [alias, { shape }] of Object.entries(inputs)) {
    const axis = shape.indexOf(name, 1);
    if (axis > 0 && Object.hasOwn(given, alias)) return { alias, axis };
  }
  return undefined;
}
