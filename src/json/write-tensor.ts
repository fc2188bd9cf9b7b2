// Hot path: once for each element of an answer. Guarded by bench/json/encode.mjs.
import type { NumericDType } from '../core/dtype.js';
import { invalidArgument } from '../core/errors.js';
import { decodeBfloat16, decodeFloat16 } from '../core/half.js';
import type { Tensor } from '../core/tensor.js';
import { tensorflowName } from '../core/tensorflow-names.js';
import { char } from './characters.js';
import type { JsonWriter } from './json-writer.js';
import { writeFloat32, writeFloat64 } from './write-decimal.js';

/** Writes one element, by its place in the tensor's data. */
type WriteElement = (writer: JsonWriter, place: number) => void;

/** Strings of an output whose name ends so are written as base64. Source: TF Serving, util/json_tensor.cc. */
const bytesSuffix = '_bytes';

/** Writes lists of a tensor's elements, as deep as its shape, from any axis on. */
export class TensorWriter {
  readonly #element: WriteElement;
  readonly #shape: readonly number[];
  #place = 0;

  /** @throws ServingError INVALID_ARGUMENT for a dtype that JSON has nothing for, in TF Serving's words. */
  constructor(name: string, tensor: Tensor) {
    this.#element = elementOf(name, tensor);
    this.#shape = tensor.shape;
  }

  /** What comes next, from an axis on: axis 0 is the whole tensor, axis 1 the next row. */
  write(writer: JsonWriter, axis: number): void {
    if (axis === this.#shape.length) {
      this.#element(writer, this.#place++);
      return;
    }
    const size = this.#shape[axis] as number;
    writer.byte(char.leftBracket);
    for (let index = 0; index < size; index++) {
      if (index > 0) writer.byte(char.comma);
      if (axis + 1 === this.#shape.length) this.#element(writer, this.#place++);
      else this.write(writer, axis + 1);
    }
    writer.byte(char.rightBracket);
  }
}

function elementOf(name: string, { dtype, data }: Tensor): WriteElement {
  switch (dtype) {
    case 'string': {
      const strings = data as readonly (string | Uint8Array)[];
      if (name.endsWith(bytesSuffix)) {
        return (writer, place) => writer.base64(strings[place] as string | Uint8Array);
      }
      return (writer, place) => writer.string(strings[place] as string | Uint8Array);
    }
    case 'float16':
      return floats(decodeFloat16(data as Uint16Array));
    case 'bfloat16':
      return floats(decodeBfloat16(data as Uint16Array));
    case 'float32':
      return floats(data as Float32Array);
    case 'float64':
      return (writer, place) => writeFloat64(writer, (data as Float64Array)[place] as number);
    case 'bool':
      return (writer, place) => writer.raw((data as Uint8Array)[place] ? 'true' : 'false');
    case 'uint16':
      throw invalidArgument(`Failed to write JSON value for tensor type: ${tensorflowName(dtype)}`);
    default:
      return (writer, place) => writer.raw(String((data as IntegerData)[place]));
  }
}

type IntegerData = Exclude<Tensor<NumericDType>['data'], Float32Array | Float64Array>;

function floats(values: Float32Array): WriteElement {
  return (writer, place) => writeFloat32(writer, values[place] as number);
}
