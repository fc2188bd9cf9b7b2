import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cancelled } from '../../core/errors.js';

/**
 * Bytes of all files under a folder. Links are followed; a file or folder that is there several times counts once, so a
 * link to a folder above ends nothing but itself. What vanishes meanwhile counts nothing.
 *
 * @throws ServingError CANCELLED when the signal is aborted; the error of the file system for a folder that cannot be read.
 */
export async function diskBytes(folder: string, signal?: AbortSignal): Promise<number> {
  const seen = new Set<string>();
  const folders = [folder];
  let bytes = 0;
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const name of await readdir(next)) {
      if (signal?.aborted) throw cancelled(signal);
      const path = join(next, name);
      const found = await stat(path, { bigint: true }).catch(() => undefined);
      if (found === undefined || seen.has(`${found.dev}:${found.ino}`)) continue;
      seen.add(`${found.dev}:${found.ino}`);
      if (found.isDirectory()) folders.push(path);
      else if (found.isFile()) bytes += Number(found.size);
    }
  }
  return bytes;
}
