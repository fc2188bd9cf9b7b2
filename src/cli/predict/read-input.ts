import { extname } from 'node:path';
import { invalidArgument } from '../../core/errors.js';
import type { Signature, TensorSpec } from '../../core/signature.js';
import type { Tensor } from '../../core/tensor.js';
import { PredictBody } from '../../json/predict-body.js';
import { decodeNpy } from './npy.js';
import { type ImageScale, readImage } from './read-image.js';
import { toDType } from './to-dtype.js';

/** What stands in a file for an input. */
export interface InputContent {
  readonly alias: string;
  readonly file: string;
  readonly bytes: Uint8Array;
}

const images: readonly string[] = ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.tif', '.tiff', '.avif'];

/**
 * The tensor that a file holds for an input: a `.npy` file; JSON, where it is a list in lists; or an image, which is one row.
 *
 * @throws ServingError INVALID_ARGUMENT for an input that there is not, and for a file that does not fit; FAILED_PRECONDITION
 *   where what reads images is not installed.
 */
export async function readInput(
  signature: Signature,
  content: InputContent,
  scale: ImageScale,
): Promise<Tensor> {
  const { alias, file, bytes } = content;
  const spec = signature.inputs[alias];
  if (spec === undefined || !Object.hasOwn(signature.inputs, alias)) {
    const known = Object.keys(signature.inputs).join(', ');
    throw invalidArgument(`Cannot use input "${alias}": ${signature.name} has ${known}`, {
      input: alias,
      expected: known,
    });
  }
  const kind = extname(file).toLowerCase();
  switch (kind) {
    case '.npy':
      return toDType(decodeNpy(bytes, file), spec.dtype, alias);
    case '.json':
      return decodeJson(signature, alias, spec, bytes);
    default:
      if (images.includes(kind)) return await readImage(alias, spec, content, scale);
      throw invalidArgument(
        `Cannot use ${file} for input "${alias}": expected a .npy or .json file, or an image: ${images.join(', ')}`,
      );
  }
}

function decodeJson(signature: Signature, alias: string, spec: TensorSpec, bytes: Uint8Array): Tensor {
  const open = Buffer.from(`{"inputs":{${JSON.stringify(alias)}:`);
  const body = new PredictBody(Buffer.concat([open, bytes, Buffer.from('}}')]), () => {});
  return body.inputs({ ...signature, inputs: { [alias]: spec } })[alias] as Tensor;
}
