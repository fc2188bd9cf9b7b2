// Hot path: once for each run. Guarded by bench/runner/engine-run.mjs.

import { type NumericDType, numericDTypes } from '../core/dtype.js';
import type { Tensor } from '../core/tensor.js';
import { unfilledMemory } from '../core/unfilled-memory.js';
import type { RunInput } from './ort/run.js';

/** Inputs in memory of our own, and that memory, to be moved to a thread. */
export interface OwnInputs {
  readonly inputs: readonly RunInput[];
  readonly buffers: ArrayBuffer[];
}

/** Copies inputs, so that the caller may do with its arrays what it likes. */
export function copyInputs(inputs: readonly RunInput[]): OwnInputs {
  return takeInputs(inputs.map(({ nativeName, tensor }) => ({ nativeName, tensor: copyTensor(tensor) })));
}

/** Takes inputs as they are: their memory is ours to move. */
export function takeInputs(inputs: readonly RunInput[]): OwnInputs {
  const buffers: ArrayBuffer[] = [];
  for (const { tensor } of inputs) {
    if (ArrayBuffer.isView(tensor.data)) buffers.push(tensor.data.buffer as ArrayBuffer);
  }
  return { inputs, buffers };
}

/** Elements of all inputs: the size of the work, as far as it can be told from outside. */
export function elementTotal(inputs: readonly RunInput[]): number {
  let total = 0;
  for (const { tensor } of inputs) total += tensor.data.length;
  return total;
}

/** True where another thread may write an input while it is read. */
export function isSharedMemory(inputs: readonly RunInput[]): boolean {
  return inputs.some(
    ({ tensor: { data } }) =>
      ArrayBuffer.isView(data) && (data.buffer as ArrayBufferLike) instanceof SharedArrayBuffer,
  );
}

function copyTensor({ dtype, shape, data }: Tensor): Tensor {
  if (!ArrayBuffer.isView(data)) return { dtype, shape, data: data.map(copyString) as string[] };
  // Into fresh memory whatever the view is on: shared, resizable, or a part of a pool.
  const bytes = new Uint8Array(unfilledMemory(data.byteLength));
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const { array: Data } = numericDTypes[dtype as NumericDType];
  return { dtype, shape, data: new Data(bytes.buffer, 0, data.length) };
}

function copyString(text: string | Uint8Array): string | Uint8Array {
  return typeof text === 'string' ? text : Uint8Array.from(text);
}
