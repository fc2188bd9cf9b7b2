import { closeSync, fstatSync, openSync } from 'node:fs';
import type { Dim } from '../../core/signature.js';
import { WireReader } from './wire-reader.js';

/** What a model file says before anybody builds the model. */
export interface ModelHeader {
  /** The files that it has its external data in, as it names them: relative to its folder, if it is right. */
  readonly externalLocations: readonly string[];
  /** The graph's inputs, without those that have a value in the file. An input of no known rank has no shape. */
  readonly inputs: readonly HeaderInput[];
  /** Bytes of the weights that lie in the file itself. */
  readonly weightBytes: number;
}

export interface HeaderInput {
  readonly name: string;
  readonly shape?: readonly Dim[];
}

/**
 * The messages on the way to what is wanted: by field number, which message it holds. All other fields are skipped.
 *
 * Source: onnx.proto of ONNX 1.22.
 */
const messages = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  training: { 1: 'subgraph', 2: 'subgraph' },
  function: { 7: 'node', 11: 'attribute' },
  graph: { 1: 'node', 5: 'initializer', 11: 'input', 15: 'sparse' },
  subgraph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'subgraph', 10: 'tensor', 11: 'subgraph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  initializer: { 8: 'name', 13: 'entry' },
  tensor: { 13: 'entry' },
  entry: { 1: 'key', 2: 'value' },
  input: { 1: 'name', 2: 'type' },
  type: { 1: 'tensorType' },
  tensorType: { 2: 'shape' },
  shape: { 1: 'dim' },
  dim: { 2: 'name' },
  // Texts: no messages within.
  name: {},
  key: {},
  value: {},
} as const satisfies Readonly<Record<string, Readonly<Record<number, string>>>>;

type MessageName = keyof typeof messages;

/** The fields that hold the elements of a tensor. */
const weightFields: readonly number[] = [4, 5, 6, 7, 9, 10, 11];

interface OpenMessage {
  readonly name: MessageName;
  /** Where it ends in the file. */
  readonly end: number;
  /** Texts that were read in it. */
  readonly texts: Partial<Record<'name' | 'key' | 'value', string>>;
  /** Of a dimension, its size. */
  size?: number;
  /** Of an input, what its shape has shown so far. */
  shape?: Dim[];
}

/** No path or name is longer; what is, is none. */
const maxTextBytes = 4096;

/**
 * Reads what a model file says of itself, blocking, and takes memory for neither weights nor nodes.
 *
 * Of a file that is no ONNX model it returns what it has found up to where that became plain: to refuse it is
 * onnxruntime's business.
 *
 * @throws the error of the file system where the file cannot be read.
 */
export function readModelHeader(file: string): ModelHeader {
  const descriptor = openSync(file, 'r');
  const found = new Findings();
  try {
    walk(new WireReader(descriptor), fstatSync(descriptor).size, found);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  } finally {
    closeSync(descriptor);
  }
  return found.header;
}

class Findings {
  readonly #locations = new Set<string>();
  readonly #inputs: HeaderInput[] = [];
  readonly #initializers = new Set<string>();
  weightBytes = 0;

  get header(): ModelHeader {
    return {
      externalLocations: [...this.#locations],
      inputs: this.#inputs.filter(({ name }) => !this.#initializers.has(name)),
      weightBytes: this.weightBytes,
    };
  }

  /** A message has ended, which lay in these. */
  onEnd({ name, texts, size, shape }: OpenMessage, stack: readonly OpenMessage[]): void {
    switch (name) {
      case 'entry':
        if (texts.key === 'location' && texts.value !== undefined) this.#locations.add(texts.value);
        break;
      case 'initializer':
        if (texts.name !== undefined) this.#initializers.add(texts.name);
        break;
      case 'shape':
        dimsOf(stack);
        break;
      case 'dim':
        dimsOf(stack)?.push(size ?? texts.name ?? null);
        break;
      case 'input':
        if (texts.name !== undefined) this.#inputs.push({ name: texts.name, ...(shape && { shape }) });
        break;
      default:
    }
  }
}

/** The dimensions of the input in which these messages lie. */
function dimsOf(stack: readonly OpenMessage[]): Dim[] | undefined {
  const input = stack.find(({ name }) => name === 'input');
  if (input === undefined) return undefined;
  input.shape ??= [];
  return input.shape;
}

/** A stack of its own, not recursion: how deep messages lie within each other is the file's to say. */
function walk(reader: WireReader, size: number, found: Findings): void {
  const stack: OpenMessage[] = [{ name: 'model', end: size, texts: {} }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (reader.position >= top.end) {
      stack.pop();
      found.onEnd(top, stack);
      continue;
    }
    const tag = reader.varint();
    const held = readField(reader, top, tag, found);
    if (held !== undefined) stack.push(held);
  }
}

/** Reads or skips one field; returns the message that it holds, where that is one to go into. */
function readField(
  reader: WireReader,
  top: OpenMessage,
  tag: number,
  found: Findings,
): OpenMessage | undefined {
  const field = Math.floor(tag / 8);
  if (tag % 8 === 0) {
    const value = reader.varint();
    if (top.name === 'dim' && field === 1) top.size = value;
    return undefined;
  }
  const end = reader.contentEnd(tag % 8, top.end);
  const held = tag % 8 === 2 ? readHeld(reader, top, { field, end }, found) : undefined;
  if (held === undefined) reader.position = end;
  return held;
}

function readHeld(
  reader: WireReader,
  top: OpenMessage,
  { field, end }: { readonly field: number; readonly end: number },
  found: Findings,
): OpenMessage | undefined {
  const bytes = end - reader.position;
  const isTensor = top.name === 'initializer' || top.name === 'tensor';
  if (isTensor && weightFields.includes(field)) found.weightBytes += bytes;
  const name = (messages[top.name] as Readonly<Record<number, MessageName>>)[field];
  if (name === undefined) return undefined;
  if (name !== 'name' && name !== 'key' && name !== 'value') return { name, end, texts: {} };
  if (bytes <= maxTextBytes) top.texts[name] = reader.text(bytes);
  return undefined;
}
