/** Bytes that are not copied before the end. */
const leastShared = 64;

/**
 * Writes protobuf's wire format. Large pieces are kept by reference until `written` puts all together, so that what is
 * nested deep is copied once: leave them as they are until then. Source: Protocol Buffers, "Encoding".
 */
export class ByteSink {
  /** What has been written, in order; numbers are bytes that belong to no piece yet. */
  readonly #pieces: Uint8Array[] = [];
  #loose: number[] = [];
  #length = 0;

  /** All that has been written, copied. */
  get written(): Uint8Array {
    this.#collect();
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  /** A non-negative integer of up to 53 bits. */
  varint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.#push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.#push(rest);
  }

  /** An integer of 64 bits; a negative one has 10 bytes. */
  varint64(value: bigint): this {
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.#push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.#push(Number(rest));
  }

  double(value: number): this {
    return this.bytes(new Uint8Array(Float64Array.of(value).buffer));
  }

  bytes(bytes: Uint8Array): this {
    if (bytes.length >= leastShared) {
      this.#collect();
      this.#pieces.push(bytes);
    } else {
      for (const byte of bytes) this.#loose.push(byte);
    }
    this.#length += bytes.length;
    return this;
  }

  /** A field of bytes: a string, a message, or packed numbers. */
  field(number: number, bytes: Uint8Array): this {
    return this.varint(number * 8 + 2)
      .varint(bytes.length)
      .bytes(bytes);
  }

  /** A field of text. Left out where it is empty, as proto3 does. */
  text(number: number, text: string): this {
    return text === '' ? this : this.field(number, Buffer.from(text, 'utf8'));
  }

  /** A field of a message, which `write` fills in. */
  message(number: number, write: (sink: ByteSink) => void): this {
    const inner = new ByteSink();
    write(inner);
    this.varint(number * 8 + 2).varint(inner.#length);
    if (inner.#pieces.length === 0) {
      for (const byte of inner.#loose) this.#loose.push(byte);
    } else {
      this.#collect();
      inner.#collect();
      for (const piece of inner.#pieces) this.#pieces.push(piece);
    }
    this.#length += inner.#length;
    return this;
  }

  /** A field of a number. */
  number(number: number, value: number): this {
    return this.varint(number * 8).varint(value);
  }

  #push(byte: number): this {
    this.#loose.push(byte);
    this.#length++;
    return this;
  }

  #collect(): void {
    if (this.#loose.length === 0) return;
    this.#pieces.push(Uint8Array.from(this.#loose));
    this.#loose = [];
  }
}
