/** Takes as many bytes as are wanted from pieces that have other lengths. Holds what has come and is not taken yet. */
export class ByteReader {
  readonly #pieces: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  /** Oldest first; none is empty. */
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #offset = 0;
  #isOver = false;

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#pieces =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Bytes that have been taken. */
  get offset(): number {
    return this.#offset;
  }

  /** Waits until so many bytes are held, or all that there are; resolves with how many. Rejects as the source does. */
  async fill(bytes: number): Promise<number> {
    while (this.#heldBytes < bytes && !this.#isOver) {
      this.#isOver = true; // a source that throws has ended, too
      const { value, done } = await this.#pieces.next();
      if (done) break;
      this.#isOver = false;
      if (value.length === 0) continue;
      this.#held.push(value);
      this.#heldBytes += value.length;
    }
    return this.#heldBytes;
  }

  /** So many of the bytes that are held, in one piece, or undefined where there are fewer. Copies only across pieces. */
  take(bytes: number): Uint8Array | undefined {
    if (bytes > this.#heldBytes) return undefined;
    const first = this.#takePart(bytes);
    if (first.length === bytes) return first;
    const joined = new Uint8Array(bytes);
    joined.set(first);
    for (let at = first.length; at < bytes; ) {
      const part = this.#takePart(bytes - at);
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }

  /** Ends the source, where it is not at its end by itself. */
  async close(): Promise<void> {
    if (!this.#isOver) await this.#pieces.return?.();
  }

  /** Up to so many bytes: as far as the oldest piece goes. */
  #takePart(bytes: number): Uint8Array {
    const piece = this.#held[0] ?? new Uint8Array(0);
    const part = piece.subarray(0, bytes);
    if (part.length < piece.length) this.#held[0] = piece.subarray(bytes);
    else this.#held.shift();
    this.#heldBytes -= part.length;
    this.#offset += part.length;
    return part;
  }
}
