import { tensorBytes } from './capture-tensors.js';
import type { RequestEntry } from './request-entry.js';

/** What an entry takes besides its tensors' data, about. */
const entryHeadBytes = 1024;

interface Queued {
  readonly entry: RequestEntry;
  readonly bytes: number;
}

interface Waiter {
  /** How many entries are to be taken. */
  readonly taken: number;
  readonly resolve: () => void;
}

/** Entries that are accepted and not settled yet, oldest first, bounded in bytes. */
export class EntryQueue implements Iterable<RequestEntry> {
  readonly #maxBytes: number;
  readonly #queued: Queued[] = [];
  #bytes = 0;
  /** Since the beginning. */
  #pushed = 0;
  #taken = 0;
  #waiters: Waiter[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#queued.length;
  }

  /** Adds an entry, or returns false where there is no room for it. */
  push(entry: RequestEntry): boolean {
    const bytes = tensorBytes(entry.inputs) + tensorBytes(entry.outputs) + entryHeadBytes;
    if (bytes > this.#maxBytes - this.#bytes) return false;
    this.#queued.push({ entry, bytes });
    this.#bytes += bytes;
    this.#pushed++;
    return true;
  }

  /** Lets the oldest entries go, and returns them. */
  take(count: number): readonly RequestEntry[] {
    const taken = this.#queued.splice(0, count);
    for (const { bytes } of taken) this.#bytes -= bytes;
    this.#taken += taken.length;
    this.#wake();
    return taken.map(({ entry }) => entry);
  }

  /** Resolves when all that is in it now has been taken, whatever comes meanwhile. */
  async passed(): Promise<void> {
    const taken = this.#pushed;
    if (this.#taken >= taken) return;
    await new Promise<void>((resolve) => this.#waiters.push({ taken, resolve }));
  }

  *[Symbol.iterator](): Iterator<RequestEntry> {
    for (const { entry } of this.#queued) yield entry;
  }

  #wake(): void {
    const isDue = ({ taken }: Waiter) => taken <= this.#taken;
    for (const { resolve } of this.#waiters.filter(isDue)) resolve();
    this.#waiters = this.#waiters.filter((waiter) => !isDue(waiter));
  }
}
