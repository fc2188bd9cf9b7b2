import { readSync } from 'node:fs';

/** How much of the file is in memory at a time. */
const windowBytes = 64 * 1024;

/** Bytes of what has a fixed size, by wire type. Source: Protocol Buffers, "Encoding". */
const fixedBytes: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** Reads the numbers and texts of a protobuf file, front to back; what is skipped is not read. */
export class WireReader {
  /** Where the next byte is, from the start of the file. */
  position = 0;
  readonly #descriptor: number;
  readonly #window = Buffer.allocUnsafe(windowBytes);
  #start = 0;
  #filled = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * A number of up to 64 bits, exact up to 2^53.
   *
   * @throws RangeError where the file ends, or it is longer than any number.
   */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('A number has more than 64 bits');
  }

  /**
   * Where the content of a field ends that is no number, after its tag has been read; the position is where it begins then.
   *
   * @param wireType the low three bits of the tag
   * @param limit where the message ends that it lies in
   * @throws RangeError where it would end beyond that, or has a type that ONNX does not use.
   */
  contentEnd(wireType: number, limit: number): number {
    const bytes = wireType === 2 ? this.varint() : fixedBytes[wireType];
    if (bytes === undefined) throw new RangeError('Not a field of ONNX');
    if (this.position + bytes > limit) throw new RangeError('A field is longer than its message');
    return this.position + bytes;
  }

  /** So many bytes as UTF-8. @throws RangeError where the file ends. */
  text(bytes: number): string {
    return Buffer.from(Array.from({ length: bytes }, () => this.#byte())).toString();
  }

  #byte(): number {
    if (this.position < this.#start || this.position >= this.#start + this.#filled) this.#fill();
    return this.#window[this.position++ - this.#start] as number;
  }

  #fill(): void {
    this.#start = this.position;
    this.#filled = readSync(this.#descriptor, this.#window, 0, windowBytes, this.position);
    if (this.#filled === 0) throw new RangeError('The file ends too early');
  }
}
