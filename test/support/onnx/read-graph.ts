import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs/minimal.js';

/** What a graph takes and gives, in the order of the file. */
export interface GraphNames {
  /** Without those that an initializer gives a value. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Reads the names out of a model file, without an engine: the order in which `input_N.pb` files are numbered. */
export function readGraphNames(path: string): GraphNames {
  const [graph = new Uint8Array()] = fields(readFileSync(path), 7);
  const names = (field: number, nameField: number) =>
    fields(graph, field).flatMap((bytes) => fields(bytes, nameField).map((name) => decoder.decode(name)));
  const initialized = new Set(names(5, 8));
  return { inputs: names(11, 1).filter((name) => !initialized.has(name)), outputs: names(12, 1) };
}

const decoder = new TextDecoder();

/** What stands in a length-delimited field of a message, each time it occurs. */
function fields(message: Uint8Array, number: number): Uint8Array[] {
  const reader = protobuf.Reader.create(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === ((number << 3) | 2)) found.push(reader.bytes());
    else reader.skipType(tag & 7);
  }
  return found;
}
