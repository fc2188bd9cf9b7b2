import { formatShape } from '../core/describe.js';
import { invalidArgument, ServingError } from '../core/errors.js';
import type { Signature, TensorSpec } from '../core/signature.js';
import { elementCount, putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import { isBase64Object } from './base64.js';
import { debugText } from './debug-text.js';
import type { DecodedInputs } from './decoded-inputs.js';
import { onlyInput, requiredInputs } from './input-names.js';
import type { JsonDocument } from './json-document.js';
import { TensorReader } from './tensor-reader.js';
import { type TakeBytes, TensorSink } from './tensor-sink.js';

/**
 * Reads the inputs of a predict request: `instances`, a list of rows, or `inputs`, whole tensors.
 *
 * Source of the rules, their order and the texts: TF Serving, util/json_tensor.cc. An input with a default, which TF Serving
 * has none of, may be left out; an input that a row names twice is refused, where TF Serving would add both.
 *
 * @throws ServingError INVALID_ARGUMENT for what does not fit, UNIMPLEMENTED for a dtype that JSON is not read into.
 */
export function decodeInputs(
  document: JsonDocument,
  signature: Signature,
  takeBytes: TakeBytes,
): DecodedInputs {
  if (Object.keys(signature.inputs).length === 0) {
    const name = signature.name === 'serving_default' ? 'DEFAULT' : signature.name;
    throw invalidArgument(`Failed to get input map for signature: ${name}`);
  }
  const { root } = document;
  const fault = (text: string) => invalidArgument(`JSON Value: ${debugText(document, root)} ${text}`);
  const instances = document.find(root, 'instances');
  const inputs = document.find(root, 'inputs');
  if (instances === undefined) {
    if (inputs === undefined) throw invalidArgument("Missing 'inputs' or 'instances' key");
    return { form: 'columnar', inputs: decodeColumns(document, inputs, { signature, takeBytes }) };
  }
  if (inputs !== undefined) {
    throw fault("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ");
  }
  if (document.kindAt(instances) !== 'Array') throw fault("Expecting 'instances' to be an list/array");
  if (document.firstElement(instances) === undefined) throw fault("No values in 'instances' array");
  return { form: 'row', inputs: new RowDecoder(document, { signature, takeBytes }).run(instances) };
}

interface Wanted {
  readonly signature: Signature;
  readonly takeBytes: TakeBytes;
}

function decodeColumns(document: JsonDocument, value: number, { signature, takeBytes }: Wanted): TensorMap {
  const tensors: Record<string, Tensor> = {};
  const add = (name: string, at: number) => {
    const sink = new TensorSink((signature.inputs[name] as TensorSpec).dtype, takeBytes);
    const reader = new TensorReader(document, sink);
    reader.read(at);
    putTensor(tensors, name, sink.tensor(reader.shape));
  };
  if (document.kindAt(value) !== 'Object' || isBase64Object(document, value)) {
    const name = onlyInput(signature);
    if (name === undefined) {
      throw invalidArgument(
        'inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map',
      );
    }
    add(name, value);
    return tensors;
  }
  const places = new Map<string, number>();
  for (const member of document.members(value)) {
    if (!places.has(member.name)) places.set(member.name, member.value);
  }
  for (const [name, { isOptional }] of Object.entries(signature.inputs)) {
    const at = places.get(name);
    if (at !== undefined) add(name, at);
    else if (!isOptional) throw invalidArgument(`Missing named input: ${name} in 'inputs' object.`);
  }
  return tensors;
}

/** What the rows of one input have in common. */
interface Column {
  readonly sink: TensorSink;
  readonly reader: TensorReader;
  /** Of every row. */
  readonly shape: readonly number[];
  rows: number;
}

class RowDecoder {
  readonly #document: JsonDocument;
  readonly #signature: Signature;
  readonly #takeBytes: TakeBytes;
  readonly #columns = new Map<string, Column>();

  constructor(document: JsonDocument, { signature, takeBytes }: Wanted) {
    this.#document = document;
    this.#signature = signature;
    this.#takeBytes = takeBytes;
  }

  run(list: number): TensorMap {
    const first = this.#document.firstElement(list) as number;
    const only = onlyInput(this.#signature);
    if (this.#document.kindAt(first) !== 'Object' && only === undefined) {
      throw invalidArgument(
        'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map',
      );
    }
    const isNamed = this.#isNamed(first);
    let rows = 0;
    for (let row: number | undefined = first; row !== undefined; rows++) {
      const end = isNamed ? this.#namedRow(row, rows) : this.#plainRow(row, rows, only as string);
      row = this.#document.nextElement(end);
    }
    return this.#tensors(rows);
  }

  /** True for an object that is no string of bytes. */
  #isNamed(row: number): boolean {
    return this.#document.kindAt(row) === 'Object' && !isBase64Object(this.#document, row);
  }

  /** @returns what follows it. */
  #plainRow(row: number, index: number, name: string): number {
    if (this.#isNamed(row)) {
      throw invalidArgument(`Expecting value/list but got object at item ${index} of input list`);
    }
    return this.#value(name, row, () => `element: ${index}`);
  }

  /** @returns what follows it. */
  #namedRow(row: number, index: number): number {
    if (!this.#isNamed(row)) {
      throw invalidArgument(`Expecting object but got list at item ${index} of input list`);
    }
    const seen = new Set<string>();
    for (const { name, value } of this.#document.members(row)) {
      const place = () => `element: ${index} key: ${name}`;
      if (!Object.hasOwn(this.#signature.inputs, name)) {
        throw notProcessed(place(), invalidArgument(`JSON object: does not have named input: ${name}`));
      }
      if (seen.has(name)) {
        throw notProcessed(place(), invalidArgument(`JSON object: has named input twice: ${name}`));
      }
      seen.add(name);
      this.#value(name, value, place);
    }
    const given = (name: string) => seen.has(name) && this.#hasEveryRow(name, index + 1);
    const wanted = Object.keys(this.#signature.inputs).filter(
      (name) => !this.#signature.inputs[name]?.isOptional || this.#columns.has(name),
    );
    if (wanted.every(given)) return this.#document.endOf(row);
    const shown = debugText(this.#document, row);
    const keys = requiredInputs(this.#signature.inputs).sort().join();
    throw invalidArgument(
      `Failed to process element: ${index} of 'instances' list. JSON object: ${shown} keys must be equal to: ${keys}`,
    );
  }

  #hasEveryRow(name: string, rows: number): boolean {
    return this.#columns.get(name)?.rows === rows;
  }

  /**
   * Adds a row of one input to those before.
   *
   * @param place what an error calls it.
   * @returns what follows it.
   */
  #value(name: string, value: number, place: () => string): number {
    try {
      const column = this.#columns.get(name);
      if (column === undefined) return this.#firstValue(name, value);
      const end = column.reader.read(value);
      checkShape(column.reader.shape, column.shape);
      column.rows++;
      return end;
    } catch (error) {
      throw notProcessed(place(), error);
    }
  }

  #firstValue(name: string, value: number): number {
    const sink = new TensorSink((this.#signature.inputs[name] as TensorSpec).dtype, this.#takeBytes);
    const reader = new TensorReader(this.#document, sink);
    const end = reader.read(value);
    this.#columns.set(name, { sink, reader, shape: reader.shape, rows: 1 });
    return end;
  }

  #tensors(rows: number): TensorMap {
    const tensors: Record<string, Tensor> = {};
    for (const [name, { sink, shape }] of this.#columns)
      putTensor(tensors, name, sink.tensor([rows, ...shape]));
    return tensors;
  }
}

function checkShape(shape: readonly number[], expected: readonly number[]): void {
  if (shape.length === expected.length && shape.every((size, axis) => size === expected[axis])) return;
  const [size, expectedSize] = [shape, expected].map(elementCount);
  if (size !== expectedSize) {
    throw invalidArgument(`Expecting tensor size: ${expectedSize} but got: ${size}`);
  }
  const [came, wanted] = [shape, expected].map(formatShape);
  throw invalidArgument(`Expecting shape ${wanted} but got: ${came}`);
}

/** TF Serving answers with INVALID_ARGUMENT whatever went wrong in a row; what there is no memory for stays what it is. */
function notProcessed(place: string, error: unknown): ServingError {
  const { code, message } = ServingError.from(error);
  if (code !== 'INVALID_ARGUMENT' && code !== 'UNIMPLEMENTED') return ServingError.from(error);
  return invalidArgument(`Failed to process ${place} of 'instances' list. Error: ${code}: ${message}`);
}
