import { closeSync, fstatSync, openSync } from 'node:fs';
import { WireReader } from './wire-reader.js';

/**
 * The messages on the way to a tensor's external data: by field number, which message it holds. All other fields are
 * skipped.
 *
 * Source: onnx.proto of ONNX 1.22.
 */
const messages = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  training: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'entry' },
  entry: { 1: 'key', 2: 'value' },
  // Texts: no messages within.
  key: {},
  value: {},
} as const satisfies Readonly<Record<string, Readonly<Record<number, string>>>>;

type MessageName = keyof typeof messages;

interface OpenMessage {
  readonly name: MessageName;
  /** Where it ends in the file. */
  readonly end: number;
  /** Of an entry. */
  key?: string;
  value?: string;
}

/** No path is longer; what is, is no path. */
const maxTextBytes = 4096;

/**
 * The files that a model has its external data in, as the model names them: relative to its folder, if it is right. Reads
 * the file, blocks, and takes memory for neither weights nor nodes.
 *
 * Of a file that is no ONNX model it returns what it has found up to where that became plain: to refuse it is
 * onnxruntime's business.
 *
 * @throws the error of the file system where the file cannot be read.
 */
export function externalLocations(file: string): readonly string[] {
  const descriptor = openSync(file, 'r');
  const locations = new Set<string>();
  try {
    walk(new WireReader(descriptor), fstatSync(descriptor).size, (location) => locations.add(location));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  } finally {
    closeSync(descriptor);
  }
  return [...locations];
}

/** A stack of its own, not recursion: how deep messages lie within each other is the file's to say. */
function walk(reader: WireReader, size: number, onLocation: (location: string) => void): void {
  const stack: OpenMessage[] = [{ name: 'model', end: size }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (reader.position >= top.end) {
      if (top.key === 'location' && top.value !== undefined) onLocation(top.value);
      stack.pop();
      continue;
    }
    const tag = reader.varint();
    const held = readField(reader, top, tag);
    if (held !== undefined) stack.push(held);
  }
}

/** Reads or skips one field; returns the message that it holds, where that is one to go into. */
function readField(reader: WireReader, top: OpenMessage, tag: number): OpenMessage | undefined {
  switch (tag % 8) {
    case 0:
      reader.varint();
      return undefined;
    case 1:
      reader.position += 8;
      return undefined;
    case 5:
      reader.position += 4;
      return undefined;
    case 2:
      return readHeld(reader, top, Math.floor(tag / 8));
    default:
      throw new RangeError('Not a field of ONNX');
  }
}

function readHeld(reader: WireReader, top: OpenMessage, field: number): OpenMessage | undefined {
  const bytes = reader.varint();
  const end = reader.position + bytes;
  if (end > top.end) throw new RangeError('A field is longer than its message');
  const name = (messages[top.name] as Readonly<Record<number, MessageName>>)[field];
  if ((name === 'key' || name === 'value') && bytes <= maxTextBytes) top[name] = reader.text(bytes);
  if (name === undefined || name === 'key' || name === 'value') {
    reader.position = end;
    return undefined;
  }
  return { name, end };
}
