// Hot path: once for each predict request that is sent over REST. Guarded by bench/client/predict.mjs.
import type { Example, Feature } from '../core/example.js';
import type { Tensor, TensorMap } from '../core/tensor.js';
import { char } from './characters.js';
import { JsonWriter } from './json-writer.js';
import { writeFloat32 } from './write-decimal.js';
import { TensorWriter } from './write-tensor.js';

/**
 * The body of a predict request, in columns: whole tensors by name, so that scalars and inputs with unequal rows have a
 * form, too. Strings are text, or base64 where they are given as bytes.
 *
 * @throws ServingError INVALID_ARGUMENT for a dtype that JSON has nothing for.
 */
export function encodePredictBody(inputs: TensorMap, signature: string | undefined): Uint8Array {
  const writer = start(signature);
  writer.raw('"inputs":{');
  let isFirst = true;
  for (const [name, tensor] of Object.entries(inputs)) {
    if (!isFirst) writer.byte(char.comma);
    isFirst = false;
    writer.name(name);
    const areBytes = tensor.dtype === 'string' && typeof tensor.data[0] !== 'string';
    new TensorWriter(name, areBytes ? tensor : wellFormed(tensor), areBytes).write(writer, 0);
  }
  writer.raw('}}');
  return writer.written;
}

/** The body of a classify or regress request. A float has a point or an exponent: by that its kind is told. */
export function encodeExamplesBody(examples: readonly Example[], signature: string | undefined): Uint8Array {
  const writer = start(signature);
  writer.raw('"examples":[');
  for (const [place, example] of examples.entries()) {
    writer.raw(place > 0 ? ',{' : '{');
    let isFirst = true;
    for (const [name, feature] of example) {
      if (!isFirst) writer.byte(char.comma);
      isFirst = false;
      writer.name(name);
      writeFeature(writer, feature);
    }
    writer.raw('}');
  }
  writer.raw(']}');
  return writer.written;
}

/** Half a character has no bytes, and JSON's escape for it is refused by those who look. */
function wellFormed(tensor: Tensor): Tensor {
  const { dtype, data } = tensor;
  if (dtype !== 'string' || !(data as readonly unknown[]).some((each) => surrogate.test(each as string)))
    return tensor;
  return {
    ...tensor,
    data: (data as readonly string[]).map((each) => each.replace(/\p{Surrogate}/gu, '\ufffd')),
  };
}

const surrogate = /\p{Surrogate}/u;

function start(signature: string | undefined): JsonWriter {
  const writer = new JsonWriter();
  writer.raw('{');
  if (signature === undefined) return writer;
  writer.name('signature_name');
  writer.string(signature);
  writer.byte(char.comma);
  return writer;
}

function writeFeature(writer: JsonWriter, { kind, values }: Feature): void {
  writer.raw('[');
  for (const [place, value] of values.entries()) {
    if (place > 0) writer.byte(char.comma);
    if (kind === 'bytes') writer.base64(value as Uint8Array);
    else if (kind === 'int64') writer.raw(String(value));
    else writer.number(Math.fround(value as number), writeFloat32);
  }
  writer.raw(']');
}
