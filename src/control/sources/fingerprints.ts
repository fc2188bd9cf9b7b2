import { fingerprint } from '../../core/fingerprint.js';
import type { Storage } from '../../core/storage.js';

/** Version directories whose files are looked at again in one look: with thousands of them, each has its turn. */
const perLook = 200;

/** What the files of version directories look like, as of the last time that they were looked at. */
export class Fingerprints {
  readonly #storage: Storage;
  /** By path; the one that was looked at longest ago is first. */
  readonly #known = new Map<string, string>();
  /** Those whose turn it is in this look. */
  #due: ReadonlySet<string> = new Set();
  /** Those that were asked for in this look: others are forgotten at the next one. */
  #asked = new Set<string>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** To be called before each look. */
  beginLook(): void {
    for (const path of this.#known.keys()) {
      if (!this.#asked.has(path)) this.#known.delete(path);
    }
    this.#asked = new Set();
    this.#due = new Set([...this.#known.keys()].slice(0, perLook));
  }

  /** Undefined where it cannot be told: that must not keep a version from being served. */
  async of(path: string, signal: AbortSignal): Promise<string | undefined> {
    this.#asked.add(path);
    const known = this.#known.get(path);
    if (known !== undefined && !this.#due.has(path)) return known;
    try {
      const { revision } = await fingerprint(this.#storage, path, signal);
      this.#known.delete(path); // to the end of the order
      this.#known.set(path, revision);
      return revision;
    } catch {
      return known;
    }
  }
}
