import type { NumericDType } from './dtype.js';
import { numericDTypes } from './dtype.js';
import type { Tensor } from './tensor.js';

type Elements = { [index: number]: unknown; readonly length: number };

/**
 * The tensor with other sizes of the axes after axis 0: what was there stays at its index, what is beyond an axis is cut
 * off, what is new is `fill`. The data are the result's own; the tensor itself where all sizes are what they were.
 *
 * @param inner the sizes, as many as there are axes after axis 0.
 * @param fill an element of the dtype: a number, a bigint for int64 and uint64, text for strings.
 */
export function resizeInner(tensor: Tensor, inner: readonly number[], fill: unknown): Tensor {
  const shape = [tensor.shape[0] as number, ...inner];
  if (shape.every((size, axis) => size === tensor.shape[axis])) return tensor;
  const data = filled(
    tensor,
    shape.reduce((product, size) => product * size, 1),
    fill,
  );
  copyCommon(tensor.data as Elements, tensor.shape, data, shape);
  return { dtype: tensor.dtype, shape, data: data as never };
}

function filled({ dtype }: Tensor, length: number, fill: unknown): Elements {
  if (dtype === 'string') return new Array<unknown>(length).fill(fill);
  const data = new numericDTypes[dtype as NumericDType].array(length) as Float64Array;
  // Both 0 and 0n are what new memory holds already.
  return fill ? data.fill(fill as number) : data;
}

/** Copies what both arrays have, run by run along the last axis. */
function copyCommon(
  from: Elements,
  fromShape: readonly number[],
  to: Elements,
  toShape: readonly number[],
): void {
  const common = toShape.map((size, axis) => Math.min(size, fromShape[axis] as number));
  if (common.includes(0)) return;
  const runLength = common.at(-1) as number;
  const outer = common.slice(0, -1);
  const index = outer.map(() => 0);
  do {
    copyRun(from, offsetOf(index, fromShape), to, offsetOf(index, toShape), runLength);
  } while (step(index, outer));
}

function copyRun(from: Elements, fromStart: number, to: Elements, toStart: number, length: number): void {
  for (let place = 0; place < length; place++) to[toStart + place] = from[fromStart + place];
}

/** The place of the run with this index, in row-major order. */
function offsetOf(index: readonly number[], shape: readonly number[]): number {
  let offset = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    offset = offset * (shape[axis] as number) + (index[axis] ?? 0);
  }
  return offset;
}

/** Goes on to the next index; false after the last. */
function step(index: number[], sizes: readonly number[]): boolean {
  for (let axis = index.length - 1; axis >= 0; axis--) {
    index[axis] = (index[axis] as number) + 1;
    if ((index[axis] as number) < (sizes[axis] as number)) return true;
    index[axis] = 0;
  }
  return false;
}
