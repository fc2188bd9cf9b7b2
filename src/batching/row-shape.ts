import type { Tensor, TensorMap } from '../core/tensor.js';

/**
 * True where rows of both may stand in one tensor for each input: the same inputs, dtypes, and, but for axis 0, shapes.
 * With padding, the same ranks will do.
 */
export function haveSameRows(a: TensorMap, b: TensorMap, isPadding: boolean): boolean {
  const aliases = Object.keys(a);
  for (const alias of aliases) {
    if (!Object.hasOwn(b, alias) || !isSameRow(a[alias] as Tensor, b[alias] as Tensor, isPadding))
      return false;
  }
  return Object.keys(b).length === aliases.length;
}

function isSameRow(a: Tensor, b: Tensor, isPadding: boolean): boolean {
  if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) return false;
  if (isPadding) return true;
  for (let axis = 1; axis < a.shape.length; axis++) if (a.shape[axis] !== b.shape[axis]) return false;
  return true;
}
