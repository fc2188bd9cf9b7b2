import { ServingError } from '../core/errors.js';
import type { Storage, StorageEntry } from '../core/storage.js';
import { loadSdk } from './load-sdk.js';
import { remoteBytes, remoteError } from './remote-error.js';
import { entryName, parseRemoteUri, prefixOf } from './remote-uri.js';
import { untilAborted } from './until-aborted.js';

interface GcsFile {
  readonly name: string;
  readonly metadata: {
    readonly size?: string | number | undefined;
    readonly generation?: string | number | undefined;
  };
  createReadStream(): AsyncIterable<Uint8Array> & { destroy(error?: Error): void };
}

interface GcsPage {
  readonly prefixes?: readonly string[];
}

/** As much of the client of `@google-cloud/storage` as is used: a host may bring its own. */
export interface GcsClient {
  bucket(name: string): {
    // biome-ignore lint/suspicious/noExplicitAny: the query of a page is what the page before said
    getFiles(query: any): Promise<any>;
    // biome-ignore lint/suspicious/noExplicitAny: as much of a file as is used
    file(name: string): any;
  };
}

/** Whose client and credentials are used for buckets of GCS. */
export interface GcsStorageOptions {
  /** The host's own client. @default one that is made of `config` on first use */
  readonly client?: GcsClient;
  /** What the client is made with: whatever `Storage` of `@google-cloud/storage` takes. @default {} */
  readonly config?: object;
  /** @internal The package, for tests. */
  readonly load?: () => Promise<{ readonly Storage: new (config: object) => GcsClient }>;
}

/**
 * Buckets of Google Cloud Storage: `gs://bucket/path`. The package `@google-cloud/storage` is loaded when it is first needed.
 *
 * @example
 * ```ts
 * import { GcsStorage } from 'servable';
 *
 * const files = [{ name: 'digits/1/model.onnx', metadata: { size: '4', generation: '7' } }];
 * const client = { bucket: () => ({ getFiles: async () => [files, null, {}], file: () => undefined }) }; // or new Storage()
 * const entries = await new GcsStorage({ client }).list('gs://models/digits/1');
 * console.log(entries[0].name, entries[0].bytes); // model.onnx 4
 * ```
 */
export class GcsStorage implements Storage {
  readonly #options: GcsStorageOptions;
  #client: Promise<GcsClient> | undefined;

  constructor(options: GcsStorageOptions = {}) {
    this.#options = options;
  }

  async list(path: string, signal?: AbortSignal): Promise<readonly StorageEntry[]> {
    const place = parseRemoteUri('gs', path);
    const prefix = prefixOf(place);
    const entries: StorageEntry[] = [];
    try {
      const bucket = (await this.#connect()).bucket(place.bucket);
      let query: object | null = { prefix, delimiter: '/', autoPaginate: false };
      while (query !== null) {
        if (signal?.aborted) throw signal.reason;
        const [files, next, page]: [readonly GcsFile[], object | null, GcsPage] = await untilAborted(
          bucket.getFiles(query),
          signal,
        );
        entries.push(...entriesOf(files, page, prefix));
        query = next && { ...next, autoPaginate: false }; // the client forgets that on the way
      }
    } catch (error) {
      throw remoteError(`list ${path}`, error, signal);
    }
    if (entries.length > 0) return entries;
    throw new ServingError('NOT_FOUND', `Cannot list ${path}: nothing lies there`);
  }

  async open(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { bucket, key } = parseRemoteUri('gs', path);
    try {
      const file: GcsFile = (await this.#connect()).bucket(bucket).file(key);
      return remoteBytes(`read ${path}`, stoppable(file.createReadStream(), signal), signal);
    } catch (error) {
      throw remoteError(`open ${path}`, error, signal);
    }
  }

  #connect(): Promise<GcsClient> {
    const { client, config = {}, load = () => import('@google-cloud/storage') as never } = this.#options;
    this.#client ??= client
      ? Promise.resolve(client)
      : loadSdk('@google-cloud/storage', 'gs://', load).then(({ Storage }) => new Storage(config));
    return this.#client;
  }
}

function entriesOf(files: readonly GcsFile[], { prefixes = [] }: GcsPage, prefix: string): StorageEntry[] {
  const entries: StorageEntry[] = [];
  for (const each of prefixes) {
    const name = entryName(prefix, each);
    if (name !== undefined) entries.push({ name, isDirectory: true });
  }
  for (const { name: key, metadata } of files) {
    const name = entryName(prefix, key);
    const bytes = Number(metadata.size ?? 0);
    if (name === undefined) continue;
    entries.push({ name, isDirectory: false, bytes, revision: `${metadata.generation} ${bytes}` });
  }
  return entries;
}

/** The client knows no signals. */
async function* stoppable(
  stream: AsyncIterable<Uint8Array> & { destroy(error?: Error): void },
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const onAbort = () => stream.destroy(new Error('aborted'));
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort);
  try {
    yield* stream;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
