import { type ReadFile, readNodeFile, TextFile } from '../../config/text-file.js';
import type { Clock } from '../../core/clock.js';
import type { ServingError } from '../../core/errors.js';

/** @internal The texts of some files; undefined for a file that is not asked for. */
export type PemTexts = readonly (string | undefined)[];

const maxFileBytes = 1024 * 1024;
const mostReadings = 4;

/** @internal Milliseconds that the file system has for one file. */
export const readTimeoutMs = 10_000;

/**
 * @internal Several files that are replaced together, read as one.
 *
 * Kubernetes replaces the files of a Secret by moving one link (`..data`), so that a reader may get the key of before and
 * the certificate of after. Texts that are new are therefore read until two readings agree.
 */
export class PemFiles {
  readonly #files: readonly (TextFile | undefined)[];
  #last: PemTexts | undefined;

  constructor(paths: readonly (string | undefined)[], clock: Clock, readFile: ReadFile = readNodeFile) {
    const options = { kind: 'PEM file', readTimeoutMs, maxFileBytes, clock, readFile: asText(readFile) };
    this.#files = paths.map((path) => (path === undefined ? undefined : new TextFile({ ...options, path })));
  }

  /**
   * The texts in the order of the paths. Texts that still change after a few readings are returned as they came last.
   *
   * @throws ServingError of the first file that cannot be read, with its path.
   */
  async read(): Promise<PemTexts> {
    let texts = await this.#readOnce();
    for (let reading = 1; reading < mostReadings && !isSame(texts, this.#last); reading++) {
      this.#last = texts;
      texts = await this.#readOnce();
    }
    return texts;
  }

  /** Fails the reads under way with an error. */
  giveUp(error: ServingError): void {
    for (const file of this.#files) file?.giveUp(error);
  }

  async #readOnce(): Promise<PemTexts> {
    // All are waited for, also after a failure: what was still being read would be too late for the next reading.
    const outcomes = await Promise.allSettled(this.#files.map((file) => file?.read()));
    return outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  }
}

/** PEM is ASCII, and what comments beside it are written in is of no interest: every byte is a character. */
function asText(readFile: ReadFile): ReadFile {
  return async (path, maxBytes) =>
    Buffer.from(Buffer.from(await readFile(path, maxBytes)).toString('latin1'));
}

function isSame(texts: PemTexts, others: PemTexts | undefined): boolean {
  return others !== undefined && texts.every((text, index) => text === others[index]);
}
