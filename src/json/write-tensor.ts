// Hot path: once for each list of an answer. Guarded by bench/json/encode.mjs.
import { invalidArgument } from '../core/errors.js';
import { decodeBfloat16, decodeFloat16 } from '../core/half.js';
import type { Tensor } from '../core/tensor.js';
import { tensorflowName } from '../core/tensorflow-names.js';
import { char } from './characters.js';
import type { JsonWriter } from './json-writer.js';
import { writeFloat32, writeFloat64, writeText } from './write-decimal.js';

/** Writes so many elements from a place on, with commas between them. */
type WriteElements = (writer: JsonWriter, start: number, count: number) => void;

/** Strings of an output whose name ends so are written as base64. Source: TF Serving, util/json_tensor.cc. */
const bytesSuffix = '_bytes';

/** Writes lists of a tensor's elements, as deep as its shape, from any axis on. */
export class TensorWriter {
  readonly #elements: WriteElements;
  readonly #shape: readonly number[];
  #place = 0;

  /**
   * @param areBytes strings are written as base64. @default by the name
   * @throws ServingError INVALID_ARGUMENT for a dtype that JSON has nothing for, in TF Serving's words.
   */
  constructor(name: string, tensor: Tensor, areBytes = name.endsWith(bytesSuffix)) {
    this.#elements = elementsOf(tensor, areBytes);
    this.#shape = tensor.shape;
  }

  /** What comes next, from an axis on: axis 0 is the whole tensor, axis 1 the next row. */
  write(writer: JsonWriter, axis: number): void {
    if (axis === this.#shape.length) {
      this.#elements(writer, this.#place++, 1);
      return;
    }
    const size = this.#shape[axis] as number;
    writer.byte(char.leftBracket);
    if (axis + 1 === this.#shape.length) {
      this.#elements(writer, this.#place, size);
      this.#place += size;
    } else {
      for (let index = 0; index < size; index++) {
        if (index > 0) writer.byte(char.comma);
        this.write(writer, axis + 1);
      }
    }
    writer.byte(char.rightBracket);
  }
}

function elementsOf({ dtype, data }: Tensor, areBytes: boolean): WriteElements {
  switch (dtype) {
    case 'string':
      return stringsOf(data as readonly (string | Uint8Array)[], areBytes);
    case 'float16':
      return floats(decodeFloat16(data as Uint16Array));
    case 'bfloat16':
      return floats(decodeBfloat16(data as Uint16Array));
    case 'float32':
      return floats(data as Float32Array);
    case 'float64':
      return (writer, start, count) => writer.numbers(data as Float64Array, start, count, writeFloat64);
    case 'bool':
      return (writer, start, count) => writer.numbers(data as Uint8Array, start, count, writeBoolean);
    case 'uint16':
      throw invalidArgument(`Failed to write JSON value for tensor type: ${tensorflowName(dtype)}`);
    default: // integers of 64 bits, too, whatever the type says
      return (writer, start, count) => writer.numbers(data as Int32Array, start, count, writeInteger);
  }
}

function floats(values: Float32Array): WriteElements {
  return (writer, start, count) => writer.numbers(values, start, count, writeFloat32);
}

function stringsOf(strings: readonly (string | Uint8Array)[], areBytes: boolean): WriteElements {
  return (writer, start, count) => {
    if (!areBytes && count > 0 && typeof strings[start] === 'string') {
      writer.text(JSON.stringify(strings.slice(start, start + count)).slice(1, -1)); // all are text, or none is
      return;
    }
    for (let place = start; place < start + count; place++) {
      if (place > start) writer.byte(char.comma);
      if (areBytes) writer.base64(strings[place] as string | Uint8Array);
      else writer.string(strings[place] as string | Uint8Array);
    }
  };
}

function writeBoolean(bytes: Buffer, start: number, value: number): number {
  return writeText(bytes, start, value ? 'true' : 'false');
}

function writeInteger(bytes: Buffer, start: number, value: number): number {
  return writeText(bytes, start, String(value));
}
