import { ServingError } from './errors.js';
import type { Storage } from './storage.js';

/** What lies in a folder, with all that is below it. */
export interface Fingerprint {
  /** Another text whenever a file has come or gone, or may have other content. */
  readonly revision: string;
  /** Bytes of all files. */
  readonly bytes: number;
  /** By their paths below the folder, with `/` between the names, in alphabetical order. */
  readonly files: readonly FingerprintedFile[];
}

export interface FingerprintedFile {
  readonly path: string;
  readonly bytes: number;
  readonly revision: string;
}

/** A version has a handful of files; what has more is something else, or a link that leads in circles. */
const mostFiles = 10_000;
const mostLevels = 8;

/**
 * Looks at a version directory.
 *
 * @throws ServingError as the storage does; FAILED_PRECONDITION for more than 10,000 files or 8 levels of folders.
 */
export async function fingerprint(
  storage: Storage,
  path: string,
  signal?: AbortSignal,
): Promise<Fingerprint> {
  const files: FingerprintedFile[] = [];
  await collect(storage, path, '', files, signal);
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    revision: files.map((file) => `${file.path} ${file.bytes} ${file.revision}`).join('\n'),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    files,
  };
}

async function collect(
  storage: Storage,
  root: string,
  below: string,
  files: FingerprintedFile[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (below.split('/').length > mostLevels) throw tooMuch(root, `more than ${mostLevels} levels of folders`);
  for (const { name, isDirectory, bytes = 0, revision = '' } of await storage.list(
    `${root}${below && `/${below}`}`,
    signal,
  )) {
    const path = below === '' ? name : `${below}/${name}`;
    if (isDirectory) await collect(storage, root, path, files, signal);
    else files.push({ path, bytes, revision });
    if (files.length > mostFiles) throw tooMuch(root, `more than ${mostFiles} files`);
  }
}

function tooMuch(path: string, what: string): ServingError {
  return new ServingError(
    'FAILED_PRECONDITION',
    `Cannot look at the version directory ${path}: it has ${what}`,
  );
}
