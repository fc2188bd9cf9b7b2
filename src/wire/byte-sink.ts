/** Writes protobuf's wire format into memory that grows. Source: Protocol Buffers, "Encoding". */
export class ByteSink {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** What has been written: a view, good until more is. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** A non-negative integer of up to 53 bits. */
  varint(value: number): this {
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** An integer of 64 bits; a negative one has 10 bytes. */
  varint64(value: bigint): this {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
    return this;
  }

  double(value: number): this {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
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
    const sink = new ByteSink();
    write(sink);
    return this.field(number, sink.written);
  }

  /** A field of a number. */
  number(number: number, value: number): this {
    return this.varint(number * 8).varint(value);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.written);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
