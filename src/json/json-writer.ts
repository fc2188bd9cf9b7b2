// Hot path: once for each list of an answer. Guarded by bench/json/encode.mjs.
import { asBuffer } from '../core/as-buffer.js';
import { char } from './characters.js';
import { mostDecimalBytes, writeText } from './write-decimal.js';

const firstCapacity = 1024;

/** Writes one number into bytes that have room for it, and returns what follows it. */
export type WriteNumber = (bytes: Buffer, start: number, value: number) => number;

/** Writes JSON into bytes, without white space. Commas are the caller's, but for those within a list. */
export class JsonWriter {
  #bytes = Buffer.allocUnsafe(firstCapacity);
  #length = 0;

  /** What has been written; the writer is done. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Characters of ASCII that are JSON already. */
  raw(text: string): void {
    this.#reserve(text.length);
    this.#length = writeText(this.#bytes, this.#length, text);
  }

  byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  number(value: number, write: WriteNumber): void {
    this.#reserve(mostDecimalBytes);
    this.#length = write(this.#bytes, this.#length, value);
  }

  /** So many numbers, with commas between them. */
  numbers(values: ArrayLike<number>, start: number, count: number, write: WriteNumber): void {
    if (count === 0) return;
    this.#reserve(count * (mostDecimalBytes + 1));
    const bytes = this.#bytes;
    let at = write(bytes, this.#length, values[start] as number);
    for (let place = start + 1; place < start + count; place++) {
      bytes[at++] = char.comma;
      at = write(bytes, at, values[place] as number);
    }
    this.#length = at;
  }

  /** A string; what is no UTF-8 in bytes is replaced. */
  string(value: string | Uint8Array): void {
    const text = typeof value === 'string' ? value : asBuffer(value).toString('utf8');
    this.text(JSON.stringify(text)); // lone surrogates become escapes
  }

  /** What is JSON already, in any characters. */
  text(json: string): void {
    this.#reserve(3 * json.length);
    this.#length += this.#bytes.write(json, this.#length, 'utf8');
  }

  /** The bytes of a string, as an object of their base64. */
  base64(value: string | Uint8Array): void {
    const bytes = typeof value === 'string' ? Buffer.from(value) : asBuffer(value);
    this.raw('{"b64":"');
    this.#reserve(Math.ceil(bytes.length / 3) * 4);
    this.#length += this.#bytes.write(bytes.toString('base64'), this.#length, 'latin1');
    this.raw('"}');
  }

  /** A name and its colon. */
  name(name: string): void {
    this.string(name);
    this.byte(char.colon);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + bytes));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
