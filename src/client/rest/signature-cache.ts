import type { Clock } from '../../core/clock.js';
import type { VersionMetadata } from '../answers.js';

/**
 * Milliseconds for which it is believed what was told of a version. A version does not change, mostly; but of a server that
 * does not say which version answers, nobody hears when that is another one.
 */
const maxAgeMs = 60_000;
/** Models, versions and labels that are remembered; who asked for the oldest is to ask again. */
const mostEntries = 1000;

interface Entry {
  readonly metadata: Promise<VersionMetadata>;
  readonly askedMs: number;
}

/** What servers told of their versions, by the path that asks for it. All who want to know at once share one question. */
export class SignatureCache {
  readonly #clock: Clock;
  readonly #ask: (path: string) => Promise<VersionMetadata>;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry>();

  /** @param ask asks a server; rejects with a ServingError, which is not remembered. */
  constructor(clock: Clock, ask: (path: string) => Promise<VersionMetadata>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  get(path: string): Promise<VersionMetadata> {
    const known = this.#entries.get(path);
    if (known !== undefined && this.#clock.now() - known.askedMs <= maxAgeMs) return known.metadata;
    const entry = { metadata: this.#ask(path), askedMs: this.#clock.now() };
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    entry.metadata.catch(() => {
      if (this.#entries.get(path) === entry) this.#entries.delete(path);
    });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > mostEntries) this.#entries.delete(oldest as string);
    return entry.metadata;
  }

  /** The next who wants to know asks again. */
  forget(path: string): void {
    this.#entries.delete(path);
  }
}
