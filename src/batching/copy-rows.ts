// Hot path: once for each request. Guarded by bench/batching/cpu-per-request.mjs.
import { sliceRows } from '../core/rows.js';
import type { Slab } from '../core/slab.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';

/** Rows of all inputs, in arrays of our own; small ones share their memory. */
export function copyRows(slab: Slab, inputs: TensorMap, start: number, end: number): TensorMap {
  const copies: Record<string, Tensor> = {};
  for (const alias of Object.keys(inputs)) {
    putTensor(copies, alias, copy(slab, inputs[alias] as Tensor, start, end));
  }
  return copies;
}

function copy(slab: Slab, tensor: Tensor, start: number, end: number): Tensor {
  const { dtype, shape } = tensor;
  const rowSize = tensor.data.length / (shape[0] as number);
  const data = slab.copy(tensor, start * rowSize, end * rowSize);
  if (data === undefined) return sliceRows(tensor, start, end);
  return { dtype, shape: [end - start, ...shape.slice(1)], data };
}
