import type { Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cancelled, ServingError, type StatusCode } from '../core/errors.js';
import type { Storage, StorageEntry } from '../core/storage.js';

const codes: Readonly<Record<string, StatusCode>> = {
  ENOENT: 'NOT_FOUND',
  ENOTDIR: 'FAILED_PRECONDITION',
  EISDIR: 'FAILED_PRECONDITION',
  EACCES: 'PERMISSION_DENIED',
  EPERM: 'PERMISSION_DENIED',
};

/** Gone since it was listed, or a link that leads nowhere: there is no such entry. */
const absent = ['ENOENT', 'ENOTDIR', 'ELOOP'];

/**
 * The machine's own file system. Folders are not looked into for their kind: a look costs one call, and one for each file
 * and each link.
 *
 * @example
 * ```ts
 * import { LocalStorage } from 'servable';
 *
 * const entries = await new LocalStorage().list('examples/models/digits');
 * console.log(entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort()); // [ '1', '2', '3' ]
 * ```
 */
export class LocalStorage implements Storage {
  async list(path: string, signal?: AbortSignal): Promise<readonly StorageEntry[]> {
    if (signal?.aborted) throw cancelled(signal);
    try {
      const dirents = await readdir(path, { withFileTypes: true });
      const entries = await Promise.all(dirents.map((dirent) => entryOf(path, dirent)));
      return entries.filter((entry) => entry !== undefined);
    } catch (error) {
      throw toError(`list ${path}`, error);
    }
  }

  async open(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    try {
      const handle = await open(path);
      if ((await handle.stat()).isFile()) return read(path, handle.createReadStream({ signal }), signal);
      await handle.close();
    } catch (error) {
      throw toError(`open ${path}`, error);
    }
    throw new ServingError('FAILED_PRECONDITION', `Cannot open ${path}: it is not a file`);
  }
}

async function entryOf(folder: string, dirent: Dirent): Promise<StorageEntry | undefined> {
  const { name } = dirent;
  if (dirent.isDirectory()) return { name, isDirectory: true };
  try {
    const stats = await stat(join(folder, name), { bigint: true });
    if (stats.isDirectory()) return { name, isDirectory: true };
    const bytes = Number(stats.size);
    return { name, isDirectory: false, bytes, revision: `${bytes} ${stats.mtimeNs}` };
  } catch (error) {
    if (absent.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

async function* read(
  path: string,
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw signal?.aborted ? cancelled(signal) : toError(`read ${path}`, error);
  }
}

function toError(what: string, error: unknown): ServingError {
  const cause = error as NodeJS.ErrnoException;
  return new ServingError(codes[cause.code ?? ''] ?? 'UNAVAILABLE', `Cannot ${what}: ${cause.message}`, {
    cause,
  });
}
