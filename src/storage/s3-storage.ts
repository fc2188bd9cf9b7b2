import { ServingError } from '../core/errors.js';
import type { Storage, StorageEntry } from '../core/storage.js';
import { loadSdk } from './load-sdk.js';
import { remoteBytes, remoteError } from './remote-error.js';
import { entryName, parseRemoteUri, prefixOf, type RemotePlace } from './remote-uri.js';

/** As much of `@aws-sdk/client-s3` as is used. */
interface S3Sdk {
  readonly S3Client: new (config: object) => S3Client;
  readonly ListObjectsV2Command: new (input: object) => object;
  readonly GetObjectCommand: new (input: object) => object;
}

/** As much of its client as is used: a host may bring its own. */
export interface S3Client {
  // biome-ignore lint/suspicious/noExplicitAny: the answer of each command is another one
  send(command: any, options?: { abortSignal?: AbortSignal }): Promise<any>;
}

/** Whose client and credentials are used for buckets of S3. */
export interface S3StorageOptions {
  /** The host's own client. @default one that is made of `config` on first use */
  readonly client?: S3Client;
  /**
   * What the client is made with: `endpoint`, `region`, `credentials`, `forcePathStyle` and whatever else `S3Client` of
   * `@aws-sdk/client-s3` takes.
   *
   * @default {}: the SDK finds region and credentials where it always does
   */
  readonly config?: object;
  /** @internal The package, for tests. */
  readonly load?: () => Promise<S3Sdk>;
}

interface Page {
  readonly CommonPrefixes?: readonly { readonly Prefix?: string }[];
  readonly Contents?: readonly { readonly Key?: string; readonly Size?: number; readonly ETag?: string }[];
  readonly NextContinuationToken?: string;
}

/**
 * Buckets of S3, and of all that speak its protocol: `s3://bucket/path`. The package `@aws-sdk/client-s3` is loaded when it
 * is first needed.
 *
 * @example
 * ```ts
 * import { S3Storage } from 'servable';
 *
 * const client = {
 *   send: async () => ({ Contents: [{ Key: 'digits/1/model.onnx', Size: 4, ETag: '"abc"' }] }),
 * }; // or new S3Client({ region: 'eu-west-1' })
 * const entries = await new S3Storage({ client }).list('s3://models/digits/1');
 * console.log(entries[0].name, entries[0].bytes); // model.onnx 4
 * ```
 */
export class S3Storage implements Storage {
  readonly #options: S3StorageOptions;
  #client: Promise<S3Client> | undefined;

  constructor(options: S3StorageOptions = {}) {
    this.#options = options;
  }

  async list(path: string, signal?: AbortSignal): Promise<readonly StorageEntry[]> {
    const place = parseRemoteUri('s3', path);
    const prefix = prefixOf(place);
    const entries: StorageEntry[] = [];
    try {
      for await (const page of this.#pages(place, prefix, signal)) entries.push(...entriesOf(page, prefix));
    } catch (error) {
      throw remoteError(`list ${path}`, error, signal);
    }
    if (entries.length > 0) return entries;
    throw new ServingError('NOT_FOUND', `Cannot list ${path}: nothing lies there`);
  }

  async open(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { bucket, key } = parseRemoteUri('s3', path);
    try {
      const { GetObjectCommand } = await this.#sdk();
      const answer = await this.#send(new GetObjectCommand({ Bucket: bucket, Key: key }), signal);
      return remoteBytes(`read ${path}`, (answer as { Body: AsyncIterable<Uint8Array> }).Body, signal);
    } catch (error) {
      throw remoteError(`open ${path}`, error, signal);
    }
  }

  async *#pages({ bucket }: RemotePlace, prefix: string, signal?: AbortSignal): AsyncGenerator<Page> {
    const { ListObjectsV2Command } = await this.#sdk();
    let token: string | undefined;
    do {
      const input = { Bucket: bucket, Prefix: prefix, Delimiter: '/', ContinuationToken: token };
      const page = (await this.#send(new ListObjectsV2Command(input), signal)) as Page;
      yield page;
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }

  async #send(command: object, signal: AbortSignal | undefined): Promise<unknown> {
    const { client, config = {} } = this.#options;
    this.#client ??= client
      ? Promise.resolve(client)
      : this.#sdk().then(({ S3Client }) => new S3Client(config));
    return await (await this.#client).send(command, signal && { abortSignal: signal });
  }

  #sdk(): Promise<S3Sdk> {
    const load = this.#options.load ?? (() => import('@aws-sdk/client-s3') as unknown as Promise<S3Sdk>);
    return loadSdk('@aws-sdk/client-s3', 's3://', load);
  }
}

function entriesOf({ CommonPrefixes = [], Contents = [] }: Page, prefix: string): StorageEntry[] {
  const entries: StorageEntry[] = [];
  for (const { Prefix = '' } of CommonPrefixes) {
    const name = entryName(prefix, Prefix);
    if (name !== undefined) entries.push({ name, isDirectory: true });
  }
  for (const { Key = '', Size = 0, ETag = '' } of Contents) {
    const name = entryName(prefix, Key);
    if (name !== undefined)
      entries.push({ name, isDirectory: false, bytes: Size, revision: `${ETag} ${Size}` });
  }
  return entries;
}
