import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Clock, systemClock } from '../core/clock.js';
import { cancelled, ServingError } from '../core/errors.js';
import type { Fingerprint, FingerprintedFile } from '../core/fingerprint.js';
import type { Storage } from '../core/storage.js';
import { guardAgainstStalls } from './stall-guard.js';

export interface LocalCopiesOptions {
  readonly storage: Storage;
  readonly cacheDirectory?: string;
  /** Milliseconds after which a file of which nothing comes any more has failed. @default 60000 */
  readonly stallMs?: number;
  readonly clock?: Clock;
}

/** Files that are copied at a time. */
const lanes = 4;

/** Milliseconds after which what a copy left unfinished is nobody's any more: its process has died. */
const staleAfterMs = 24 * 3600 * 1000;

/**
 * The local copies of folders that lie elsewhere: `<cacheDirectory>/<hash of the URI>/<hash of its revision>`.
 *
 * A copy is made in a folder of its own and then renamed, so that it is there as a whole or not at all, whoever else makes
 * the same one.
 */
export class LocalCopies {
  readonly #storage: Storage;
  readonly #cacheDirectory: string;
  readonly #stallMs: number;
  readonly #clock: Clock;
  /** Copies that are being made, by their place. */
  readonly #making = new Map<string, Promise<void>>();

  constructor(options: LocalCopiesOptions) {
    const {
      storage,
      cacheDirectory = join(tmpdir(), 'servable'),
      stallMs = 60_000,
      clock = systemClock,
    } = options;
    this.#storage = storage;
    this.#cacheDirectory = cacheDirectory;
    this.#stallMs = stallMs;
    this.#clock = clock;
  }

  /** The copy of what a folder holds, made where there is none. */
  async copyOf(uri: string, folder: Fingerprint, signal?: AbortSignal): Promise<string> {
    const place = join(this.#placeOf(uri), hash(folder.revision));
    const making = this.#makeUnlessThere(uri, folder, place, signal);
    this.#making.set(place, making);
    try {
      await making;
    } finally {
      if (this.#making.get(place) === making) this.#making.delete(place);
    }
    return place;
  }

  /** Removes the copies of a folder as it was before, and what died while it was made. Never rejects. */
  async forgetOthers(uri: string, copy: string): Promise<void> {
    const parent = this.#placeOf(uri);
    for (const name of await readdir(parent).catch(() => [])) {
      const path = join(parent, name);
      if (path === copy || this.#making.has(path)) continue;
      if (name.startsWith('incoming-') && !(await isStale(path))) continue;
      await rm(path, { recursive: true, force: true }).catch(() => {}); // the next time
    }
  }

  /** After whoever makes it now: if that is aborted, it is made once more. */
  async #makeUnlessThere(
    uri: string,
    folder: Fingerprint,
    place: string,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#making.get(place)?.catch(() => {}); // its own caller is told
    if (!(await isFolder(place))) await this.#make(uri, folder, place, signal);
  }

  #placeOf(uri: string): string {
    return join(this.#cacheDirectory, hash(uri));
  }

  async #make(uri: string, folder: Fingerprint, place: string, signal?: AbortSignal): Promise<void> {
    const incoming = join(dirname(place), `incoming-${randomUUID()}`);
    try {
      await mkdir(incoming, { recursive: true });
      await this.#copyAll(uri, folder, incoming, signal);
      await rename(incoming, place);
    } catch (error) {
      await rm(incoming, { recursive: true, force: true }).catch(() => {}); // what went wrong is told below
      if (await isFolder(place)) return; // somebody else was faster
      throw toError(uri, place, error, signal);
    }
  }

  /** Copies all files; when one fails, none of the others is still being written when this rejects. */
  async #copyAll(uri: string, folder: Fingerprint, incoming: string, signal?: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort);
    const left = folder.files.values();
    let failure: unknown;
    const copyNext = async () => {
      try {
        for (const file of left) await this.#copyFile(uri, file, incoming, stop.signal);
      } catch (error) {
        failure ??= error;
        stop.abort(error);
      }
    };
    await Promise.all(Array.from({ length: lanes }, copyNext));
    signal?.removeEventListener('abort', onAbort);
    if (failure !== undefined) throw failure;
  }

  async #copyFile(uri: string, file: FingerprintedFile, folder: string, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw cancelled(signal);
    const target = join(folder, ...checkedNames(uri, file.path));
    await mkdir(dirname(target), { recursive: true });
    const place = `${uri}/${file.path}`;
    const stalled = () =>
      new ServingError('UNAVAILABLE', `Cannot copy ${place}: nothing came for ${this.#stallMs} ms`);
    const source = await this.#storage.open(place, signal);
    const bytes = guardAgainstStalls(source, this.#clock, this.#stallMs, stalled);
    await pipeline(bytes, createWriteStream(target, { flags: 'wx' }), { signal });
    const { size } = await stat(target);
    if (size === file.bytes) return;
    throw new ServingError(
      'UNAVAILABLE',
      `Cannot copy ${place}: ${size} bytes came, and it has ${file.bytes}`,
      { actual: `${size} bytes`, expected: `${file.bytes} bytes` },
    );
  }
}

/** Names out of somebody else's list: none may lead outside of the copy. */
function checkedNames(uri: string, path: string): readonly string[] {
  const names = path.split('/');
  const isBad = (name: string) => ['', '.', '..'].includes(name) || /[\\\0]/.test(name);
  if (names.some(isBad)) {
    throw new ServingError(
      'FAILED_PRECONDITION',
      `Cannot copy ${uri}: it has a file ${JSON.stringify(path)}`,
    );
  }
  return names;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

async function isFolder(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isDirectory() ?? false;
}

async function isStale(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs > staleAfterMs;
}

function toError(uri: string, place: string, error: unknown, signal: AbortSignal | undefined): ServingError {
  if (signal?.aborted) return cancelled(signal);
  if (error instanceof ServingError) return error;
  const { message } = error as Error;
  return new ServingError('UNAVAILABLE', `Cannot copy ${uri} to ${place}: ${message}`, { cause: error });
}
