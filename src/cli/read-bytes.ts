import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { usageError } from './command-error.js';

/** The bytes of a file, or of the standard input where the path is `-`. @throws CommandError where it cannot be read. */
export async function readBytes(path: string): Promise<Uint8Array> {
  if (path === '-') return await buffer(process.stdin);
  try {
    return await readFile(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw usageError(`Cannot read ${path}: ${code === 'ENOENT' ? 'it does not exist' : message}`, cause);
  }
}
