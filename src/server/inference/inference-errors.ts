import type { DType } from '../../core/dtype.js';
import { type ErrorFacts, invalidArgument, type ServingError } from '../../core/errors.js';
import type { Signature } from '../../core/signature.js';

// The texts are TensorFlow Serving's as far as it has them, to the letter, and so are the codes.
// Source: tensorflow_serving/servables/tensorflow/{classifier,regressor,multi_inference}.cc.

const oddNames: Partial<Record<DType, string>> = {
  float16: 'DT_HALF',
  float32: 'DT_FLOAT',
  float64: 'DT_DOUBLE',
};

/** The name of a dtype in TensorFlow. */
export function typeName(dtype: DType): string {
  return oddNames[dtype] ?? `DT_${dtype.toUpperCase()}`;
}

const mostNames = 12;

/** A signature on a line: where TF Serving prints the whole message. */
export function describeSignature({ name, inputs, outputs }: Signature): string {
  return `${name} (${listNames(inputs)}) -> (${listNames(outputs)})`;
}

function listNames(specs: Signature['inputs']): string {
  const names = Object.keys(specs);
  return names.slice(0, mostNames).join(', ') + (names.length > mostNames ? ', …' : '');
}

/** An error that says what came and what was wanted in the words of its message. */
export function unexpected(
  message: string,
  actual: string | number,
  expected: string | number,
  facts: ErrorFacts,
): ServingError {
  return invalidArgument(message, { ...facts, actual: String(actual), expected: String(expected) });
}
