import { invalidArgument } from '../core/errors.js';
import type { Storage, StorageEntry } from '../core/storage.js';
import { GcsStorage } from './gcs-storage.js';
import { localPath } from './local-path.js';
import { LocalStorage } from './local-storage.js';
import { S3Storage } from './s3-storage.js';

/** Which storage knows which scheme. */
export interface RoutedStorageOptions {
  /** Where paths without a scheme lie. @default the local disk */
  readonly local?: Storage;
  /** Storages by the schemes of their URIs. @default s3 and gs, each with what its package finds by itself */
  readonly schemes?: Readonly<Record<string, Storage>>;
}

/**
 * A storage for each scheme: `s3://` and `gs://` as they come, any other as a host wishes, and the local disk for all paths
 * without one.
 *
 * @example
 * ```ts
 * import { LocalStorage, RoutedStorage, S3Storage } from 'servable';
 *
 * const minio = new S3Storage({ config: { endpoint: 'http://minio:9000', forcePathStyle: true } });
 * const storage = new RoutedStorage({ schemes: { s3: minio } });
 * console.log((await storage.list('examples/models/digits')).length > 2); // true
 * ```
 */
export class RoutedStorage implements Storage {
  readonly #local: Storage;
  readonly #schemes: ReadonlyMap<string, Storage>;

  constructor(options: RoutedStorageOptions = {}) {
    const { local = new LocalStorage(), schemes = {} } = options;
    this.#local = local;
    this.#schemes = new Map(Object.entries({ s3: new S3Storage(), gs: new GcsStorage(), ...schemes }));
  }

  list(path: string, signal?: AbortSignal): Promise<readonly StorageEntry[]> {
    return this.#at(path, (storage, place) => storage.list(place, signal));
  }

  open(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return this.#at(path, (storage, place) => storage.open(place, signal));
  }

  async #at<T>(path: string, use: (storage: Storage, path: string) => Promise<T>): Promise<T> {
    const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(path)?.[1]?.toLowerCase(); // one letter is a drive of Windows
    if (scheme === undefined || scheme === 'file') return await use(this.#local, localPath(path));
    const storage = this.#schemes.get(scheme);
    if (storage !== undefined) return await use(storage, path);
    const known = ['file', ...this.#schemes.keys()].join(', ');
    throw invalidArgument(
      `Cannot read ${path}: no storage is known for ${scheme}://, expected one of ${known}`,
    );
  }
}
