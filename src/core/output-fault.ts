import { formatShape } from './describe.js';
import type { TensorSpec } from './signature.js';
import { formatSpec } from './signature-errors.js';
import type { Tensor } from './tensor.js';
import { findTensorFault, type TensorFault } from './tensor-fault.js';

/** @internal What keeps a value from being the output that a signature declares, if anything. */
export function outputFault(value: unknown, spec: TensorSpec): TensorFault | undefined {
  const { dtype, shape } = spec;
  const fault = findTensorFault(value);
  if (fault !== undefined) return fault;
  const came = value as Tensor;
  const expected = formatSpec(spec);
  if (came.dtype !== dtype) return { actual: came.dtype, expected };
  if (shape.length === 0) return undefined; // no rank is declared
  const fits =
    came.shape.length === shape.length &&
    shape.every((dim, axis) => typeof dim !== 'number' || came.shape[axis] === dim);
  return fits ? undefined : { actual: `shape ${formatShape(came.shape)}`, expected };
}
