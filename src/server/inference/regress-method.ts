import { formatShape } from '../../core/describe.js';
import type { ServableId } from '../../core/servable-id.js';
import type { Signature } from '../../core/signature.js';
import type { Tensor } from '../../core/tensor.js';
import { describeSignature, typeName, unexpected } from './inference-errors.js';
import type { InferenceMethod, Inferred } from './inference-method.js';

/** A number for each example, of the output `outputs`. */
export const regressMethod: InferenceMethod<readonly number[]> = {
  outputsOf: findOutputs,
  resultOf: toValues,
};

function findOutputs(id: ServableId, signature: Signature): readonly string[] {
  const aliases = Object.keys(signature.outputs);
  if (aliases.length !== 1) throw unexpected('Expected one output Tensor.', aliases.length, 1, { id });
  if (aliases[0] === 'outputs') return aliases;
  const message = `No regression outputs found in SignatureDef: ${describeSignature(signature)}`;
  throw unexpected(message, aliases.join(), 'outputs', { id });
}

function toValues({ id, outputs: answered, examples }: Inferred): readonly number[] {
  const { outputs } = answered;
  const { dtype, shape, data } = outputs as Tensor;
  const facts = { id, output: 'outputs' };
  if (shape.length !== 1 && !(shape.length === 2 && shape[1] === 1)) {
    const wanted = 'either [batch_size] or [batch_size, 1]';
    const message = `Expected output Tensor shape to be ${wanted} but got ${formatShape(shape)}`;
    throw unexpected(message, formatShape(shape), wanted, facts);
  }
  const rows = shape[0] as number;
  if (rows !== examples) {
    const message = `Input batch size did not match output batch size: ${examples} vs. ${rows}`;
    throw unexpected(message, rows, examples, facts);
  }
  if (dtype !== 'float32' && dtype !== 'float64') {
    const type = typeName(dtype);
    throw unexpected(`Expected output Tensor of DT_FLOAT.  Got: ${type}`, type, 'DT_FLOAT', facts);
  }
  return Array.from(data as Float64Array);
}
