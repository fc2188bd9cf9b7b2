import type { AspiredVersion } from './source.js';

/** What the files of each version looked like in the last look: files that look the same twice are not being written. */
export class SeenRevisions {
  #last: ReadonlyMap<number, string | undefined> = new Map();
  #stable: ReadonlySet<number> = new Set();

  look(versions: Iterable<AspiredVersion>): void {
    const now = new Map<number, string | undefined>();
    for (const { version, revision } of versions) now.set(version, revision);
    this.#stable = new Set([...now.keys()].filter((version) => now.get(version) === this.#last.get(version)));
    this.#last = now;
  }

  /** Whether the files of a version looked the same in the last two looks. */
  isStable(version: number): boolean {
    return this.#stable.has(version);
  }
}
