import type { Clock } from '../core/clock.js';
import { ServingError } from '../core/errors.js';
import type { Fingerprint } from '../core/fingerprint.js';
import { fingerprint } from '../core/fingerprint.js';
import type { Loader, Servable } from '../core/servable.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { Storage } from '../core/storage.js';
import { LocalCopies } from './local-copies.js';
import { localPath } from './local-path.js';

/** What loads versions, where they lie, and where their copies do. */
export interface StagingLoaderOptions {
  /** What loads the versions, from the local disk. */
  readonly loader: Loader;
  /** Where versions lie that are not on the local disk. */
  readonly storage: Storage;
  /**
   * Where their local copies lie. Several processes may share it.
   *
   * @default a folder `servable` among the system's temporary files
   */
  readonly cacheDirectory?: string;
  /** @default the system's */
  readonly clock?: Clock;
}

/** TF Serving's guess of what a version takes in memory, as a multiple of its files (resource estimator). */
const memoryPerByte = 1.2;

/**
 * Loads versions from anywhere: those that lie on the local disk as they are, all others from a copy that is made first.
 * A copy is made once: as long as the files of a version stay the same, it is used again, also by other processes.
 *
 * @example
 * ```ts
 * import { LocalStorage, OnnxLoader, OrtEngine, StagingLoader } from 'servable';
 *
 * const engine = new OrtEngine({ numBatchThreads: 1 });
 * engine.start();
 * const loader = new StagingLoader({ loader: new OnnxLoader({ engine }), storage: new LocalStorage() });
 * const servable = await loader.load({ model: 'digits', version: 1 }, 'examples/models/digits/1');
 * await servable.unload();
 * await engine.close();
 * ```
 */
export class StagingLoader implements Loader {
  readonly #loader: Loader;
  readonly #storage: Storage;
  readonly #copies: LocalCopies;

  constructor(options: StagingLoaderOptions) {
    this.#loader = options.loader;
    this.#storage = options.storage;
    this.#copies = new LocalCopies(options);
  }

  /**
   * Copies a version, where it is far away, and loads it.
   *
   * @throws ServingError as the storage and the loader do; ABORTED where the files changed while they were copied;
   *   UNAVAILABLE for a file that came shorter than it is, or of which nothing came for a minute, and where the copy cannot be written; CANCELLED, and nothing is
   *   left behind.
   */
  async load(id: ServableId, path: string, signal?: AbortSignal): Promise<Servable> {
    if (!isFarAway(path)) return await this.#loader.load(id, localPath(path), signal);
    const before = await this.#look(path, signal);
    const copy = await this.#copies.copyOf(path, before, signal);
    const after = await this.#look(path, signal);
    if (after.revision !== before.revision) {
      throw new ServingError(
        'ABORTED',
        `Cannot load ${formatServableId(id)}: its files changed while they were copied`,
        { id },
      );
    }
    const servable = await this.#loader.load(id, copy, signal);
    await this.#copies.forgetOthers(path, copy);
    return servable;
  }

  async estimate(id: ServableId, path: string, signal?: AbortSignal): Promise<number> {
    if (isFarAway(path)) return memoryPerByte * (await this.#look(path, signal)).bytes;
    return (await this.#loader.estimate?.(id, localPath(path), signal)) ?? 0;
  }

  #look(path: string, signal: AbortSignal | undefined): Promise<Fingerprint> {
    return fingerprint(this.#storage, path, signal);
  }
}

/** A scheme of one letter is a drive of Windows. */
function isFarAway(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(path) && !/^file:/i.test(path);
}
