import { quote } from '../../core/describe.js';
import { requiredInputs } from '../../core/samples/sample-rows.js';
import type { Signature } from '../../core/signature.js';

/**
 * Why rows of this signature can never be stacked, in words, as far as the model itself says so.
 *
 * An input without axes is one, or one of which the model states no rank: what it means for other rows is unknown.
 */
export function findSignatureFault(signature: Signature): string | undefined {
  const inputs = requiredInputs(signature);
  if (Object.keys(signature.inputs).length === 0) return 'it has no inputs';
  if (inputs.length === 0) return 'it has no inputs but optional ones';
  if (Object.keys(signature.outputs).length === 0) return 'it has no outputs that are tensors';
  const batchNames = new Set(
    inputs.map(([, spec]) => spec.shape[0]).filter((dim) => typeof dim === 'string'),
  );
  for (const [alias, { shape }] of inputs) {
    const input = `input ${quote(alias)}`;
    if (shape.length === 0) return `${input} is a scalar, or its rank is not stated`;
    if (typeof shape[0] === 'number') return `${input} has a fixed axis 0 of ${shape[0]}`;
    const axis = shape.findIndex((dim, at) => at > 0 && typeof dim === 'string' && batchNames.has(dim));
    if (axis > 0) return `${input} has ${quote(String(shape[axis]))}, the name of axis 0, on axis ${axis}`;
  }
  return undefined;
}
