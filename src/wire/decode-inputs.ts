// Hot path: once for each predict request that comes over a wire. Guarded by bench/transport/grpc/predict.mjs.
import { ServingError } from '../core/errors.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import { type DecodeTensorOptions, decodeTensor } from './decode-tensor.js';
import { rawBytes } from './messages.js';

/**
 * The tensors of a request, by alias, out of the bytes of a TensorProto each.
 *
 * @throws ServingError as `decodeTensor` does, with the alias as `input`; its text begins as TF Serving's does
 *   (servables/tensorflow/predict_util.cc).
 */
export function decodeInputs(
  entries: Iterable<readonly [alias: string, bytes: Uint8Array]>,
  options: DecodeTensorOptions = {},
): TensorMap {
  const inputs: Record<string, Tensor> = {};
  for (const [alias, bytes] of entries) putTensor(inputs, alias, decodeInput(alias, bytes, options));
  return inputs;
}

function decodeInput(alias: string, bytes: Uint8Array, options: DecodeTensorOptions): Tensor {
  try {
    return decodeTensor(bytes, options);
  } catch (cause) {
    const { code, message, facts } = ServingError.from(cause);
    const text = `tensor parsing error: ${alias}: ${message}`;
    throw new ServingError(code, text, { ...facts, input: alias, cause });
  }
}

/** The tensors of a map of generated code, as their bytes; an entry without a value is one of an empty message. */
export function rawTensors(
  map: Readonly<Record<string, unknown>> | null | undefined,
): readonly (readonly [alias: string, bytes: Uint8Array])[] {
  return Object.entries(map ?? {}).map(([alias, value]) => [alias, rawBytes(value)]);
}
