import { ServingError } from '../core/errors.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function truncated(): ServingError {
  return new ServingError('INVALID_ARGUMENT', 'Cannot decode a message: it is truncated');
}

/**
 * Reads protobuf's wire format out of bytes, without an object for each number.
 *
 * Source: Protocol Buffers, "Encoding".
 */
export class WireBytes {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.bytes.length;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.bytes.length - this.#at;
  }

  /** A varint as an unsigned number of 32 bits; what is beyond them is dropped, as protobuf does with int32. */
  uint32(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new ServingError('INVALID_ARGUMENT', 'Cannot decode a message: a number has more than 10 bytes');
  }

  /** A varint as a signed number of 64 bits. */
  int64(): bigint {
    const first = this.bytes[this.#at];
    if (first !== undefined && first < 0x80) {
      this.#at++;
      return BigInt(first);
    }
    let [low, high] = [0, 0];
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 64) high |= bits << (shift - 32);
      if (byte < 0x80) return (BigInt(high | 0) << 32n) | BigInt(low >>> 0);
    }
    throw new ServingError('INVALID_ARGUMENT', 'Cannot decode a message: a number has more than 10 bytes');
  }

  /** The bytes of a string, of a message, or of packed numbers: a view. */
  delimited(): Uint8Array {
    const length = this.uint32();
    const start = this.#skip(length);
    return this.bytes.subarray(start, start + length);
  }

  /** The next 4 bytes. */
  fixed32(): Uint8Array {
    const start = this.#skip(4);
    return this.bytes.subarray(start, start + 4);
  }

  /** The next 8 bytes as a float64. */
  float64(): number {
    const start = this.#skip(8);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset).getFloat64(start, true);
  }

  /** Passes by a field of which only the wire type is known. */
  skipField(wireType: number): void {
    if (wireType === 0) this.uint32();
    else if (wireType === 1) this.#skip(8);
    else if (wireType === 2) this.delimited();
    else if (wireType === 5) this.#skip(4);
    else
      throw new ServingError(
        'INVALID_ARGUMENT',
        `Cannot decode a message: wire type ${wireType} is not known`,
      );
  }

  #byte(): number {
    const byte = this.bytes[this.#at++];
    if (byte === undefined) throw truncated();
    return byte;
  }

  /** Goes on by so many bytes; where they begin. */
  #skip(length: number): number {
    const start = this.#at;
    if (length > this.bytes.length - start) throw truncated();
    this.#at = start + length;
    return start;
  }
}

/** The fields of a message, one after the other; `read` takes the value of each, or leaves it by `skipField`. */
export function readFields(
  bytes: Uint8Array,
  read: (field: number, wireType: number, from: WireBytes) => void,
): void {
  const from = new WireBytes(bytes);
  while (!from.isAtEnd) {
    const tag = from.uint32();
    read(tag >>> 3, tag & 7, from);
  }
}

/** @throws ServingError INVALID_ARGUMENT for bytes that are no UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new ServingError('INVALID_ARGUMENT', 'Cannot decode a message: a text is not UTF-8', { cause });
  }
}
