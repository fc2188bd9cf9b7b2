import $protobuf from 'protobufjs/minimal.js';
import { ServingError } from '../core/errors.js';
import { google, grpc, tensorflow } from './generated/messages.js';
import { readFields } from './wire-bytes.js';

export { google, grpc, tensorflow };

interface MessageType<T> {
  decode(reader: $protobuf.Reader, length?: number): T;
}

const { Reader } = $protobuf;

/**
 * What a message holds in the place of some others: their bytes, as they came. Tensors and examples are decoded by code of
 * their own, straight into typed arrays, when it is known what for; the rest of them nobody reads.
 */
export class RawMessage {
  /** In order; a message that comes in several is whole when they are joined: so protobuf merges messages. */
  readonly #pieces: Uint8Array[] = [];

  get bytes(): Uint8Array {
    const [only] = this.#pieces;
    return this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
  }

  add(piece: Uint8Array): this {
    if (this.#pieces.push(piece) > mostPieces) throw new Error(`it comes in more than ${mostPieces} pieces`);
    return this;
  }
}

/** No encoder writes more than one. */
const mostPieces = 100;

/** The bytes that generated code takes for a message; none where there is none. */
export function rawBytes(message: unknown): Uint8Array {
  return message instanceof RawMessage ? message.bytes : new Uint8Array();
}

function decodeRaw(
  reader: $protobuf.Reader,
  length: number,
  _end: unknown,
  _depth: unknown,
  before?: RawMessage | null,
): RawMessage {
  const start = reader.pos;
  reader.skip(length);
  return (before ?? new RawMessage()).add(reader.raw(start, reader.pos));
}

const { Example, TensorProto, serving } = tensorflow;
const { ExampleList, ExampleListWithContext, PredictRequest, PredictStreamedOptions } = serving;

for (const type of [
  TensorProto,
  Example,
  ExampleList,
  ExampleListWithContext,
  PredictRequest.RequestOptions,
  PredictStreamedOptions,
]) {
  Object.assign(type, { decode: decodeRaw });
}

/** Each becomes an object, or a place in an array; of two bytes it may become a hundred. */
const mostFields = 100_000;

/**
 * A message out of its bytes; what it holds of bytes, tensors and examples are views of these.
 *
 * @throws ServingError INVALID_ARGUMENT for bytes that are none, and for more than 100000 fields.
 */
export function decodeMessage<T>(name: string, type: MessageType<T>, bytes: Uint8Array): T {
  const reader = Reader.create(bytes);
  reader.discardUnknown = true;
  try {
    if (bytes.length > 2 * mostFields) assertFewFields(bytes);
    return type.decode(reader);
  } catch (cause) {
    const why =
      cause instanceof Error ? cause.message.replace(/^Cannot decode a message: /, '') : String(cause);
    throw new ServingError('INVALID_ARGUMENT', `Cannot decode a ${name}: ${why}`, { cause });
  }
}

/** Bytes of a message that holds no tensors: gRPC's default for all. */
const smallMessageBytes = 4 * 2 ** 20;

/**
 * The same for a message that is small by its nature: what is nested in it becomes objects that no field count bounds.
 *
 * @throws ServingError RESOURCE_EXHAUSTED for one of more than 4 MiB.
 */
export function decodeSmallMessage<T>(name: string, type: MessageType<T>, bytes: Uint8Array): T {
  if (bytes.length <= smallMessageBytes) return decodeMessage(name, type, bytes);
  throw new ServingError(
    'RESOURCE_EXHAUSTED',
    `Cannot decode a ${name}: it has ${bytes.length} bytes, expected at most ${smallMessageBytes}`,
  );
}

function assertFewFields(bytes: Uint8Array): void {
  let count = 0;
  readFields(bytes, (_field, wireType, from) => {
    from.skipField(wireType);
    if (++count > mostFields) throw new Error(`it has more than ${mostFields} fields`);
  });
}
