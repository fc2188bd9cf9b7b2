import { type NumericDType, numericDTypes } from './dtype.js';
import type { Tensor } from './tensor.js';

/** Of this size, chunks are asked for seldom, and a copy that is kept for long keeps little. */
const chunkBytes = 65_536;
/** Copies up to this size share a chunk; what is larger is worth memory of its own, which can be moved to a thread. */
const maxSharedBytes = 4096;
/** Elements of every dtype may begin there. */
const alignment = 8;

/**
 * Memory for many small copies that live for a short time: each that has memory of its own is work for the garbage
 * collector. The copies must not be handed to anybody who may move them elsewhere: they share their buffer.
 */
export class Slab {
  #chunk = new ArrayBuffer(0);
  #used = 0;

  /**
   * An array with these elements of a tensor; undefined where it would be too large to share a chunk, or the elements are
   * strings.
   */
  copy({ dtype, data }: Tensor, start: number, end: number): Tensor['data'] | undefined {
    if (dtype === 'string') return undefined;
    const { bytes, array: Data } = numericDTypes[dtype as NumericDType];
    const size = (end - start) * bytes;
    if (size > maxSharedBytes) return undefined;
    const copy = new Data(this.#take(size), this.#used - roundUp(size), end - start) as Float64Array;
    if (end > start) copy.set((data as Float64Array).subarray(start, end));
    return copy;
  }

  #take(bytes: number): ArrayBuffer {
    const size = roundUp(bytes);
    if (this.#used + size > this.#chunk.byteLength) {
      this.#chunk = new ArrayBuffer(chunkBytes);
      this.#used = 0;
    }
    this.#used += size;
    return this.#chunk;
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
