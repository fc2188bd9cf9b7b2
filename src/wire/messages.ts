import $protobuf from 'protobufjs/minimal.js';
import { ServingError } from '../core/errors.js';
import { google, grpc, tensorflow } from './generated/messages.js';

export { google, grpc, tensorflow };

/**
 * What a message holds in a place where it says tensor or example: its bytes, as they came. They are decoded by code of
 * their own, straight into typed arrays, when it is known what for.
 */
export type RawMessage = Uint8Array;

interface MessageType<T> {
  decode(reader: $protobuf.Reader, length?: number): T;
}

type RawDecode = (
  reader: $protobuf.Reader,
  length: number,
  end: unknown,
  depth: unknown,
  before?: RawMessage,
) => RawMessage;

const { Reader } = $protobuf;

/** A message that comes in pieces is whole when they are joined: so protobuf merges messages. */
const decodeRaw: RawDecode = (reader, length, _end, _depth, before) => {
  const start = reader.pos;
  reader.skip(length);
  const piece = reader.raw(start, reader.pos);
  return before === undefined || before === null ? piece : Buffer.concat([before, piece]);
};

for (const type of [tensorflow.TensorProto, tensorflow.Example]) {
  Object.assign(type, { decode: decodeRaw });
}

/**
 * A message out of its bytes; what it holds of bytes, tensors and examples are views of these.
 *
 * @throws ServingError INVALID_ARGUMENT for bytes that are none.
 */
export function decodeMessage<T>(name: string, type: MessageType<T>, bytes: Uint8Array): T {
  const reader = Reader.create(bytes);
  reader.discardUnknown = true;
  try {
    return type.decode(reader);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ServingError('INVALID_ARGUMENT', `Cannot decode a ${name}: ${why}`, { cause });
  }
}
