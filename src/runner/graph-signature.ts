import { ServingError } from '../core/errors.js';
import { defaultSignatureName, type Signature, type TensorSpec } from '../core/signature.js';
import type { GraphValue, OpenSession } from './ort/session.js';
import { describe } from './ort/type-info.js';

/**
 * The signature that a graph has of itself: every input and output under its own name.
 *
 * Initializers that are graph inputs are optional inputs. An output that no tensor can stand for is set aside in
 * `unrepresentableOutputs`; a map, or a sequence of maps, stands as the tensor of its values.
 *
 * @throws ServingError UNIMPLEMENTED where an input cannot be fed, or where an element type is none of our dtypes.
 */
export function graphSignature(open: OpenSession): Signature {
  const inputs = record<TensorSpec>();
  for (const value of open.inputs) inputs[value.name] = inputSpec(value, false);
  for (const value of open.overridableInitializers) inputs[value.name] = inputSpec(value, true);
  const outputs = record<TensorSpec>();
  const unrepresentable = record<string>();
  for (const value of open.outputs) {
    if (value.type.kind === 'other') unrepresentable[value.name] = value.type.description;
    else outputs[value.name] = outputSpec(value);
  }
  return {
    name: defaultSignatureName,
    method: 'predict',
    inputs,
    outputs,
    unrepresentableOutputs: unrepresentable,
  };
}

function inputSpec({ name, type }: GraphValue, isOptional: boolean): TensorSpec {
  if (type.kind !== 'tensor') throw refusal('input', name, describe(type));
  return { name, dtype: type.dtype, shape: type.shape, ...(isOptional && { isOptional }) };
}

function outputSpec({ name, type }: GraphValue): TensorSpec {
  switch (type.kind) {
    case 'tensor':
      return { name, dtype: type.dtype, shape: type.shape };
    case 'map':
      return { name, dtype: type.dtype, shape: [null] };
    case 'map-rows':
      return { name, dtype: type.dtype, shape: [null, null] };
    default:
      throw refusal('output', name, describe(type));
  }
}

function refusal(role: 'input' | 'output', name: string, actual: string): ServingError {
  const expected =
    'a tensor of float16, bfloat16, float32, float64, int8 to int64, uint8 to uint64, bool or string';
  return new ServingError('UNIMPLEMENTED', `${role} "${name}" is ${actual}, expected ${expected}`, {
    [role]: name,
    actual,
    expected,
  });
}

/** A record without a prototype: graphs may call a tensor `__proto__`. */
function record<T>(): Record<string, T> {
  return Object.create(null);
}
