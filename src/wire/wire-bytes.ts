import { ServingError } from '../core/errors.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Groups in groups; as deep as protobuf goes by itself. */
const mostGroups = 100;

function malformed(why: string): ServingError {
  return new ServingError('INVALID_ARGUMENT', `Cannot decode a message: ${why}`);
}

/**
 * Reads protobuf's wire format out of bytes, without an object for each number.
 *
 * Source: Protocol Buffers, "Encoding".
 */
export class WireBytes {
  readonly bytes: Uint8Array;
  #at = 0;
  /** The two words of the varint that was read last. */
  #low = 0;
  #high = 0;

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
    throw malformed('a number has more than 10 bytes');
  }

  /** A varint as a signed number of 64 bits. */
  int64(): bigint {
    this.#readWords();
    return (BigInt(this.#high) << 32n) | BigInt(this.#low >>> 0);
  }

  bool(): boolean {
    this.#readWords();
    return (this.#low | this.#high) !== 0;
  }

  /** Varints into `target` from `at` on, as many as there are and fit; where they end there. Hot: bench/wire/tensor.mjs. */
  uint32s(
    target: Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array,
    at: number,
  ): number {
    const { bytes } = this;
    let place = at;
    while (place < target.length && this.#at < bytes.length) {
      const byte = bytes[this.#at] as number;
      const next = bytes[this.#at + 1] as number;
      if (byte < 0x80) {
        this.#at++;
        target[place++] = byte;
      } else if (next < 0x80) {
        this.#at += 2;
        target[place++] = (byte & 0x7f) | (next << 7);
      } else target[place++] = this.uint32();
    }
    return place;
  }

  /** The same with numbers of 64 bits, in two words each: without a bigint for each. */
  uint64s(target: BigInt64Array | BigUint64Array, at: number): number {
    const words = new Int32Array(target.buffer, target.byteOffset, 2 * target.length);
    let place = 2 * at;
    while (place < words.length && !this.isAtEnd) {
      this.#readWords();
      words[place++] = this.#low;
      words[place++] = this.#high;
    }
    return place / 2;
  }

  /** The bytes of a string, of a message, or of packed numbers: a view. */
  delimited(): Uint8Array {
    this.#readWords();
    if (this.#high !== 0 || this.#low < 0) throw malformed('a length is more than 2147483647');
    const length = this.#low;
    const start = this.#skip(length);
    return this.bytes.subarray(start, start + length);
  }

  /** The bytes of one value of this wire type: a view. Of packed numbers, all of them. */
  value(wireType: number): Uint8Array {
    if (wireType === 2) return this.delimited();
    const start = this.#at;
    this.skipField(wireType);
    return this.bytes.subarray(start, this.#at);
  }

  /** Passes by a field of which only the wire type is known. */
  skipField(wireType: number, depth = 0): void {
    if (wireType === 0) this.#readWords();
    else if (wireType === 1) this.#skip(8);
    else if (wireType === 2) this.delimited();
    else if (wireType === 3) this.#skipGroup(depth + 1);
    else if (wireType === 5) this.#skip(4);
    else throw malformed(`wire type ${wireType} is not known`);
  }

  #skipGroup(depth: number): void {
    if (depth > mostGroups) throw malformed('it is nested too deep');
    for (let tag = this.uint32(); (tag & 7) !== 4; tag = this.uint32()) this.skipField(tag & 7, depth);
  }

  #readWords(): void {
    this.#low = this.#high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (shift < 32) this.#low |= bits << shift;
      if (shift === 28) this.#high = bits >>> 4;
      else if (shift > 28) this.#high |= bits << (shift - 32);
      if (byte < 0x80) return;
    }
    throw malformed('a number has more than 10 bytes');
  }

  #byte(): number {
    const byte = this.bytes[this.#at++];
    if (byte === undefined) throw malformed('it is truncated');
    return byte;
  }

  /** Goes on by so many bytes; where they begin. */
  #skip(length: number): number {
    const start = this.#at;
    if (length > this.bytes.length - start) throw malformed('it is truncated');
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
    if (tag >>> 3 === 0) throw malformed('it has a field of number 0');
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

/**
 * The message in a field, or undefined where there is none. One that comes in pieces is whole when they are joined: so
 * protobuf merges messages.
 */
export function messageIn(bytes: Uint8Array, wanted: number): Uint8Array | undefined {
  const pieces: Uint8Array[] = [];
  readFields(bytes, (field, wireType, from) => {
    if (field === wanted && wireType === 2) pieces.push(from.delimited());
    else from.skipField(wireType);
  });
  return pieces.length > 1 ? Buffer.concat(pieces) : pieces[0];
}
