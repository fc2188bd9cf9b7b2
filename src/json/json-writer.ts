// Hot path: once for each element of an answer. Guarded by bench/json/encode.mjs.
import { char } from './characters.js';

const firstCapacity = 1024;

/** Writes JSON into bytes, without white space. Commas are the caller's. */
export class JsonWriter {
  #bytes = Buffer.allocUnsafe(firstCapacity);
  #length = 0;

  /** What has been written; the writer is done. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Characters of ASCII that are JSON already. */
  raw(text: string): void {
    const start = this.reserve(text.length);
    for (let place = 0; place < text.length; place++) this.#bytes[start + place] = text.charCodeAt(place);
    this.#length = start + text.length;
  }

  byte(byte: number): void {
    this.#bytes[this.reserve(1)] = byte;
    this.#length++;
  }

  /** A string; what is no UTF-8 in bytes is replaced. */
  string(value: string | Uint8Array): void {
    const text = typeof value === 'string' ? value : asBuffer(value).toString('utf8');
    const quoted = JSON.stringify(text); // lone surrogates become escapes
    const start = this.reserve(3 * quoted.length);
    this.#length = start + this.#bytes.write(quoted, start, 'utf8');
  }

  /** The bytes of a string, as an object of their base64. */
  base64(value: string | Uint8Array): void {
    const bytes = typeof value === 'string' ? Buffer.from(value) : asBuffer(value);
    this.raw('{"b64":"');
    const start = this.reserve(Math.ceil(bytes.length / 3) * 4);
    this.#length = start + this.#bytes.write(bytes.toString('base64'), start, 'latin1');
    this.raw('"}');
  }

  /** A name and its colon. */
  name(name: string): void {
    this.string(name);
    this.byte(char.colon);
  }

  /** The buffer, with room for so many bytes more behind `length`. For whoever writes digits by themselves. */
  buffer(bytes: number): Buffer {
    this.reserve(bytes);
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  set length(length: number) {
    this.#length = length;
  }

  /** @returns where there is room for them. */
  reserve(bytes: number): number {
    if (this.#length + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + bytes));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    return this.#length;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
