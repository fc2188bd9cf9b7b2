import { cpSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A model whose versions are put in place, as a whole, and taken away. */
export class Versions {
  /** The base path. */
  basePath;
  #next = 2;
  #template;

  /** @param {{ readonly basePath: string, readonly versionPath: string }} model with its version 1 */
  constructor({ basePath, versionPath }) {
    this.basePath = basePath;
    this.#template = `${basePath}-template`;
    cpSync(versionPath, this.#template, { recursive: true });
  }

  /** Puts the next version in place; which one that is. */
  deploy() {
    const version = this.#next++;
    const incoming = `${this.basePath}-incoming`;
    mkdirSync(incoming);
    // By links: to copy a large file would hold the event loop that is measured.
    for (const file of readdirSync(this.#template))
      linkSync(join(this.#template, file), join(incoming, file));
    renameSync(incoming, join(this.basePath, String(version)));
    return version;
  }

  /** Version 1 alone is there again. */
  reset() {
    rmSync(this.basePath, { recursive: true, force: true });
    cpSync(this.#template, join(this.basePath, '1'), { recursive: true });
    this.#next = 2;
  }

  /** @param {number} version */
  remove(version) {
    rmSync(join(this.basePath, String(version)), { recursive: true, force: true });
  }
}
