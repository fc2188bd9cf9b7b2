import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ServingError } from '../core/errors.js';
import type { Storage, StorageEntry } from '../core/storage.js';

export class LocalStorage implements Storage {
  async list(path: string): Promise<readonly StorageEntry[]> {
    try {
      const names = await readdir(path);
      const entries = await Promise.all(names.map((name) => entryOf(path, name)));
      return entries.filter((entry) => entry !== undefined);
    } catch (error) {
      throw toError(error as NodeJS.ErrnoException, path);
    }
  }

  async open(path: string): Promise<AsyncIterable<Uint8Array>> {
    const handle = await open(path);
    return handle.createReadStream();
  }
}

async function entryOf(path: string, name: string): Promise<StorageEntry | undefined> {
  try {
    const stats = await stat(join(path, name));
    if (stats.isDirectory()) return { name, isDirectory: true };
    const revision = `${stats.size}-${stats.mtimeMs}-${stats.ino}`;
    return { name, isDirectory: false, bytes: stats.size, revision };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}

function toError(cause: NodeJS.ErrnoException, path: string): ServingError {
  const codes = {
    ENOENT: 'NOT_FOUND',
    ENOTDIR: 'FAILED_PRECONDITION',
    EACCES: 'PERMISSION_DENIED',
    EPERM: 'PERMISSION_DENIED',
  } as const;
  const code = codes[cause.code as keyof typeof codes] ?? 'UNAVAILABLE';
  return new ServingError(code, `Cannot list ${path}: ${cause.message}`, { cause });
}
