import { extname } from 'node:path';
import { invalidArgument } from '../../core/errors.js';
import type { Signature, TensorSpec } from '../../core/signature.js';
import type { Tensor } from '../../core/tensor.js';
import { PredictBody } from '../../json/predict-body.js';
import { decodeNpy } from './npy.js';
import { toDType } from './to-dtype.js';

/**
 * The tensor that a file holds for an input: a `.npy` file, or JSON, where it is a list in lists.
 *
 * @throws ServingError INVALID_ARGUMENT for an input that there is not, and for a file that does not fit.
 */
export function readInput(signature: Signature, alias: string, file: string, bytes: Uint8Array): Tensor {
  const spec = signature.inputs[alias];
  if (spec === undefined || !Object.hasOwn(signature.inputs, alias)) {
    const known = Object.keys(signature.inputs).join(', ');
    throw invalidArgument(`Cannot use input "${alias}": ${signature.name} has ${known}`, {
      input: alias,
      expected: known,
    });
  }
  switch (extname(file).toLowerCase()) {
    case '.npy':
      return toDType(decodeNpy(bytes, file), spec.dtype, alias);
    case '.json':
      return decodeJson(signature, alias, spec, bytes);
    default:
      throw invalidArgument(`Cannot use ${file} for input "${alias}": expected a .npy or .json file`);
  }
}

function decodeJson(signature: Signature, alias: string, spec: TensorSpec, bytes: Uint8Array): Tensor {
  const open = Buffer.from(`{"inputs":{${JSON.stringify(alias)}:`);
  const body = new PredictBody(Buffer.concat([open, bytes, Buffer.from('}}')]), () => {});
  return body.inputs({ ...signature, inputs: { [alias]: spec } })[alias] as Tensor;
}
