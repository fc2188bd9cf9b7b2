import { fileURLToPath } from 'node:url';
import { invalidArgument } from '../core/errors.js';

/**
 * A path of the local disk: of a `file:` URI the path that it means, all else as it is.
 *
 * @throws ServingError INVALID_ARGUMENT for a URI of another machine, and for one that hides a slash.
 */
export function localPath(path: string): string {
  if (!/^file:\//i.test(path)) return path;
  try {
    return fileURLToPath(path);
  } catch (cause) {
    throw invalidArgument(`Cannot use ${path} as a path: ${(cause as Error).message}`, { cause });
  }
}
