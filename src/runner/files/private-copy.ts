import { constants } from 'node:fs';
import { copyFile, mkdir, mkdtemp, realpath, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { cancelled, ServingError } from '../../core/errors.js';
import { copyBytes } from './copy-bytes.js';

/**
 * A model file and its external data, where nobody else writes: in a folder of its own under the system's folder for
 * temporary files. What lies there may be mapped into memory without fear.
 *
 * Where the file system can (Btrfs, XFS, APFS), and the folder is on the same one, the copies share their bytes with the
 * originals until one of them is written.
 */
export class PrivateCopy {
  /** The copy of the model file. */
  readonly file: string;
  readonly #original: string;
  #folder: string | undefined;

  private constructor(folder: string, model: string) {
    this.#folder = folder;
    this.#original = dirname(model);
    this.file = join(folder, basename(model));
  }

  /**
   * Copies a model file, and its external data by the names that the model has for them. What onnxruntime refuses to read,
   * as it is not there or not in the model's folder, is left for it to refuse.
   *
   * @throws ServingError CANCELLED when the signal is aborted, RESOURCE_EXHAUSTED where there is no room,
   *   FAILED_PRECONDITION where it cannot be read or written for another reason. Nothing is left behind.
   */
  static async make(model: string, locations: readonly string[], signal?: AbortSignal): Promise<PrivateCopy> {
    let copy: PrivateCopy | undefined;
    try {
      copy = new PrivateCopy(await realpath(await mkdtemp(join(tmpdir(), 'servable-'))), model);
      await copyShared(model, copy.file, signal);
      const allowed = await allowedFolders(model);
      for (const location of locations) await copy.#add(location, allowed, signal);
      return copy;
    } catch (error) {
      await copy?.remove();
      throw signal?.aborted ? cancelled(signal) : cannotCopy(dirname(model), error);
    }
  }

  /** A text in which the copy is not spoken of, but what it is a copy of. */
  describe(text: string): string {
    return text.replaceAll(dirname(this.file), this.#original);
  }

  /**
   * Removes it; what is mapped stays in memory. On Windows a mapped file cannot be removed: it is worth another try when
   * the session is closed. Never rejects.
   */
  async remove(): Promise<void> {
    if (this.#folder === undefined) return;
    const removed = rm(this.#folder, { recursive: true, force: true, maxRetries: 2 });
    await removed.then(
      () => {
        this.#folder = undefined;
      },
      () => {}, // the system's folder for temporary files is cleaned by others
    );
  }

  async #add(location: string, allowed: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    if (location.includes('\0') || isAbsolute(location) || !(await this.#makeWay(location))) return;
    const found = await resolveFile(join(this.#original, location));
    if (found === undefined) return;
    const target = join(dirname(this.file), location);
    if (allowed.some((folder) => isInside(folder, found))) await copyShared(found, target, signal);
    else await symlink(found, target).catch(() => {}); // leads outside: onnxruntime says so of the link as well
  }

  /** Makes the folders on the way to a file, also those that a `..` leaves again; false where the way leads outside. */
  async #makeWay(location: string): Promise<boolean> {
    const top = dirname(this.file);
    let way = top;
    for (const step of location.split(sep === '/' ? '/' : /[/\\]/).slice(0, -1)) {
      way = join(way, step);
      if (way !== top && !isInside(top, way)) return false;
      await mkdir(way, { recursive: true });
    }
    return true;
  }
}

/** The folders that onnxruntime lets a model read from: its own, and that of the file which it is a link to. */
async function allowedFolders(model: string): Promise<readonly string[]> {
  return [await realpath(dirname(model)), dirname(await realpath(model))];
}

/** The file that a path leads to, links followed; undefined where there is none. */
async function resolveFile(path: string): Promise<string | undefined> {
  try {
    const found = await realpath(path);
    return (await stat(found)).isFile() ? found : undefined;
  } catch {
    return undefined;
  }
}

function isInside(folder: string, file: string): boolean {
  return file.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Lets the copy share the bytes of the original, where the file system can. */
async function copyShared(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) throw cancelled(signal);
  const shared = copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
  await shared.catch(() => copyBytes(from, to, signal));
}

function cannotCopy(folder: string, cause: unknown): ServingError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const hint = `free or name another folder (TMPDIR), or set externalData to 'mapped'`;
  return new ServingError(
    code === 'ENOSPC' || code === 'EDQUOT' ? 'RESOURCE_EXHAUSTED' : 'FAILED_PRECONDITION',
    `cannot copy the model and its external data from ${folder} to ${tmpdir()}: ${message}; ${hint}`,
    { cause },
  );
}
