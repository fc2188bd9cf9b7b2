import { cancelled, ServingError } from '#dist/core/errors.js';
import type { Storage, StorageEntry } from '#dist/core/storage.js';

/** A storage of files in memory, by their URIs, which counts what it is asked. */
export class MemoryStorage implements Storage {
  readonly files = new Map<string, Uint8Array>();
  /** What was opened, in order. */
  readonly opened: string[] = [];
  /** Is waited for in the middle of each file. */
  hold: Promise<void> | undefined;
  /** How many bytes of each file come, at most. */
  mostBytes = Number.POSITIVE_INFINITY;

  put(uri: string, bytes: Uint8Array | string): void {
    this.files.set(uri, typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  }

  async list(path: string): Promise<readonly StorageEntry[]> {
    const prefix = `${path.replace(/\/+$/, '')}/`;
    const below = [...this.files].filter(([uri]) => uri.startsWith(prefix));
    if (below.length === 0) throw new ServingError('NOT_FOUND', `Cannot list ${path}: nothing is there`);
    const entries = new Map<string, StorageEntry>();
    for (const [uri, bytes] of below) {
      const [name = '', ...rest] = uri.slice(prefix.length).split('/');
      const revision = Buffer.from(bytes).toString('base64');
      const file = { name, isDirectory: false, bytes: bytes.length, revision };
      entries.set(name, rest.length > 0 ? { name, isDirectory: true } : file);
    }
    return [...entries.values()];
  }

  async open(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    this.opened.push(path);
    const bytes = this.files.get(path);
    if (bytes === undefined) throw new ServingError('NOT_FOUND', `Cannot open ${path}: nothing is there`);
    return this.#read(bytes.subarray(0, this.mostBytes), signal);
  }

  async *#read(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const half = Math.floor(bytes.length / 2);
    yield bytes.subarray(0, half);
    if (this.hold !== undefined) {
      const aborted = new Promise<never>((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(cancelled(signal))),
      );
      await Promise.race([this.hold, aborted]);
    }
    if (signal?.aborted) throw cancelled(signal);
    yield bytes.subarray(half);
  }
}
