import { closeSync, fstatSync, openSync } from 'node:fs';
import { WireReader } from './wire-reader.js';

/** What a model file says of how it was written. */
export interface ModelOrigin {
  /** Of the format of the file; 0 where it does not say. */
  readonly irVersion: number;
  /** Of the program that wrote it; '' where it does not say. */
  readonly producerVersion: string;
  /** Versions of the operator sets that it uses, by domain; `ai.onnx` is ONNX's own. */
  readonly opsets: Readonly<Record<string, number>>;
}

/** The fields of ModelProto and OperatorSetIdProto that are read. Source: onnx.proto of ONNX 1.22. */
const fields = { irVersion: 1, producerVersion: 3, opset: 8, domain: 1, version: 2 } as const;
const onnxDomain = 'ai.onnx';
/** No text is longer; what is, is none. */
const maxTextBytes = 4096;

/**
 * Reads how a model file was written, blocking, past all weights and nodes. Of a file that is no ONNX model it returns what it
 * has found up to where that became plain.
 *
 * @throws the error of the file system where the file cannot be read.
 */
export function readModelOrigin(file: string): ModelOrigin {
  const descriptor = openSync(file, 'r');
  const found = { irVersion: 0, producerVersion: '', opsets: {} as Record<string, number> };
  try {
    const { size } = fstatSync(descriptor);
    const reader = new WireReader(descriptor);
    while (reader.position < size) readField(reader, size, found);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  } finally {
    closeSync(descriptor);
  }
  return found;
}

function readField(
  reader: WireReader,
  size: number,
  found: { irVersion: number; producerVersion: string; opsets: Record<string, number> },
): void {
  const tag = reader.varint();
  const field = Math.floor(tag / 8);
  if (tag % 8 === 0) {
    const value = reader.varint();
    if (field === fields.irVersion) found.irVersion = value;
    return;
  }
  const end = reader.contentEnd(tag % 8, size);
  const bytes = end - reader.position;
  if (field === fields.producerVersion && bytes <= maxTextBytes) found.producerVersion = reader.text(bytes);
  if (field === fields.opset) readOpset(reader, end, found.opsets);
  reader.position = end;
}

function readOpset(reader: WireReader, end: number, opsets: Record<string, number>): void {
  let [domain, version] = ['', 0];
  while (reader.position < end) {
    const tag = reader.varint();
    if (tag % 8 === 0) {
      const value = reader.varint();
      if (Math.floor(tag / 8) === fields.version) version = value;
      continue;
    }
    const fieldEnd = reader.contentEnd(tag % 8, end);
    if (Math.floor(tag / 8) === fields.domain)
      domain = reader.text(Math.min(fieldEnd - reader.position, maxTextBytes));
    reader.position = fieldEnd;
  }
  opsets[domain === '' ? onnxDomain : domain] = version;
}
