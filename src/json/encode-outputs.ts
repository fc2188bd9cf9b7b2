import { invalidArgument } from '../core/errors.js';
import type { Tensor, TensorMap } from '../core/tensor.js';
import { char } from './characters.js';
import type { PredictForm } from './decoded-inputs.js';
import { JsonWriter } from './json-writer.js';
import { TensorWriter } from './write-tensor.js';

/**
 * The answer to a predict request, in the form of the request: `predictions`, a list of rows, or `outputs`, whole tensors. One
 * output stands there bare, several by name.
 *
 * Source: TF Serving, util/json_tensor.cc, `MakeJsonFromTensors`.
 *
 * @throws ServingError INVALID_ARGUMENT for outputs that JSON has nothing for, or that are no rows.
 */
export function encodeOutputs(outputs: TensorMap, form: PredictForm): Uint8Array {
  const names = Object.keys(outputs);
  if (names.length === 0) throw invalidArgument('Cannot convert empty tensor map to JSON');
  const writer = new JsonWriter();
  const rows = form === 'row' ? countRows(outputs) : undefined;
  const writers = names.map((name) => ({
    name,
    tensor: new TensorWriter(name, outputs[name] as Tensor),
  }));
  const all = (axis: number) => {
    if (names.length > 1) writer.byte(char.leftBrace);
    for (const [place, { name, tensor }] of writers.entries()) {
      if (place > 0) writer.byte(char.comma);
      if (names.length > 1) writer.name(name);
      tensor.write(writer, axis);
    }
    if (names.length > 1) writer.byte(char.rightBrace);
  };
  if (rows === undefined) {
    writer.raw('{"outputs":');
    all(0);
  } else {
    writer.raw('{"predictions":[');
    for (let row = 0; row < rows; row++) {
      if (row > 0) writer.byte(char.comma);
      all(1);
    }
    writer.byte(char.rightBracket);
  }
  writer.byte(char.rightBrace);
  return writer.written;
}

/** How many rows all outputs have. */
function countRows(outputs: TensorMap): number {
  let rows: number | undefined;
  for (const [name, { shape }] of Object.entries(outputs)) {
    const [size] = shape;
    if (size === undefined) throw invalidArgument(`Tensor name: ${name} has no shape information `);
    if (rows !== undefined && size !== rows) {
      throw invalidArgument(`Tensor name: ${name} has inconsistent batch size: ${size} expecting: ${rows}`);
    }
    rows = size;
  }
  return rows as number;
}
