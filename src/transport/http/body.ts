import { createGunzip } from 'node:zlib';
import { tooLong } from './refusal.js';

export interface BodyLimits {
  readonly maxBytes: number;
  /** Takes memory from what there is for all; throws where there is not so much. */
  readonly takeBytes: (bytes: number) => void;
}

/** Puts the pieces of a body together. Millions of small ones become one, while they come. */
export class BodyCollector {
  readonly #limits: BodyLimits;
  #bytes: Uint8Array = empty;
  #length = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** @throws Refusal 413 for one more than there may be; what `takeBytes` throws. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#limits.maxBytes) throw tooLong(this.#limits.maxBytes);
    this.#limits.takeBytes(piece.length);
    if (this.#length === 0) this.#bytes = piece;
    else {
      this.#reserve(length);
      this.#bytes.set(piece, this.#length);
    }
    this.#length = length;
  }

  /** All that came. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(length: number): void {
    const isOwn = this.#bytes.length > this.#length;
    if (isOwn && length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(length + 1, 2 * this.#length));
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}

const empty = new Uint8Array(0);

/**
 * Inflates a body as it is told to be compressed. What is no gzip is as good as empty. Source: TF Serving,
 * util/net_http/server/internal/evhttp_request.cc.
 *
 * @throws Refusal 413 where it grows too large.
 */
export async function inflate(bytes: Uint8Array, limits: BodyLimits): Promise<Uint8Array> {
  const collector = new BodyCollector(limits);
  const gunzip = createGunzip();
  gunzip.end(bytes);
  try {
    for await (const piece of gunzip) collector.add(piece);
    return collector.bytes;
  } catch (error) {
    const isBroken = error instanceof Error && 'errno' in error;
    if (isBroken) return empty;
    throw error;
  } finally {
    gunzip.destroy();
  }
}
