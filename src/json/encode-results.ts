import { invalidArgument } from '../core/errors.js';
import { char } from './characters.js';
import { JsonWriter } from './json-writer.js';
import { writeFloat32 } from './write-decimal.js';

/** Labels with their scores, of each example. Source: TF Serving, util/json_tensor.cc. */
export function encodeClassifications(
  results: readonly (readonly { readonly label: string; readonly score: number }[])[],
): Uint8Array {
  if (results.length === 0) throw invalidArgument('Cannot convert empty ClassificationResults to JSON');
  return encodeResults(results.length, (writer, place) => {
    writer.byte(char.leftBracket);
    for (const [rank, { label, score }] of (results[place] as (typeof results)[number]).entries()) {
      writer.raw(rank > 0 ? ',[' : '[');
      writer.string(label);
      writer.byte(char.comma);
      writer.number(Math.fround(score), writeFloat32);
      writer.byte(char.rightBracket);
    }
    writer.byte(char.rightBracket);
  });
}

/** A value of each example. Source: TF Serving, util/json_tensor.cc. */
export function encodeRegressions(values: ArrayLike<number>): Uint8Array {
  if (values.length === 0) throw invalidArgument('Cannot convert empty RegressionResults to JSON');
  return encodeResults(values.length, (writer, place) => {
    writer.number(Math.fround(values[place] as number), writeFloat32);
  });
}

function encodeResults(count: number, write: (writer: JsonWriter, place: number) => void): Uint8Array {
  const writer = new JsonWriter();
  writer.raw('{"results":[');
  for (let place = 0; place < count; place++) {
    if (place > 0) writer.byte(char.comma);
    write(writer, place);
  }
  writer.raw(']}');
  return writer.written;
}
