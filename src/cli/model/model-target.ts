import { copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { ServingError } from '../../core/errors.js';
import { modelFile } from '../../runner/files/model-file.js';
import { readModelHeader } from '../../runner/files/model-header.js';
import { readNatural } from '../read-number.js';

/** A model on disk, as somebody has named it. */
export interface ModelTarget {
  /** What it is called: the name of its base path's folder, or of its file. */
  readonly name: string;
  /** The model file. */
  readonly file: string;
  /** The version's directory; undefined for a file that lies in none, since it has another name. */
  readonly directory: string | undefined;
  /** 0 where the directory has no number for a name. */
  readonly version: number;
  /** All versions under a base path, highest first; undefined for what is none. */
  readonly versions: readonly number[] | undefined;
}

/**
 * Finds the model that a path means: an ONNX file, a version directory, or a base path, of which it is the highest version,
 * or the one that is asked for.
 *
 * @throws ServingError NOT_FOUND where there is none.
 */
export async function findModel(path: string, wantedVersion?: number): Promise<ModelTarget> {
  const whole = resolve(path);
  const kind = await kindOf(whole);
  if (kind === 'file' && basename(whole) !== modelFile) {
    const name = basename(whole).replace(/\.onnx$/i, '');
    return { name, file: whole, directory: undefined, version: 0, versions: undefined };
  }
  const directory = kind === 'file' ? dirname(whole) : whole;
  if (kind === 'file' || (kind === 'directory' && (await kindOf(join(directory, modelFile))) === 'file')) {
    const version = readNatural(basename(directory));
    const name = basename(version === undefined ? directory : dirname(directory));
    return { ...inDirectory(directory), name, version: version ?? 0, versions: undefined };
  }
  if (kind === 'directory') return await findVersion(directory, wantedVersion);
  throw notFound(
    path,
    kind === undefined ? 'there is no such file or directory' : 'it is neither a file nor a directory',
  );
}

async function findVersion(basePath: string, wanted: number | undefined): Promise<ModelTarget> {
  const names = (await readdir(basePath)).filter((name) => readNatural(name) !== undefined);
  const folders = names.sort((a, b) => Number(b) - Number(a));
  const folder = wanted === undefined ? folders[0] : folders.find((name) => Number(name) === wanted);
  const versions = folders.map(Number);
  if (folder === undefined) {
    const there =
      versions.length === 0
        ? 'it holds neither model.onnx nor versions'
        : `it holds versions ${versions.join(', ')}`;
    throw notFound(wanted === undefined ? basePath : `version ${wanted} in ${basePath}`, there);
  }
  const found = {
    ...inDirectory(join(basePath, folder)),
    name: basename(basePath),
    version: Number(folder),
    versions,
  };
  if ((await kindOf(found.file)) === 'file') return found;
  throw notFound(found.directory, `there is no ${modelFile}`);
}

function inDirectory(directory: string) {
  return { directory, file: join(directory, modelFile) };
}

function notFound(what: string, why: string): ServingError {
  const expected = `an .onnx file, a version directory with ${modelFile}, or a base path with version directories`;
  return new ServingError('NOT_FOUND', `Cannot find a model at ${what}: ${why}; expected ${expected}`, {
    expected,
  });
}

async function kindOf(path: string): Promise<'file' | 'directory' | 'other' | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (found.isFile()) return 'file';
  return found.isDirectory() ? 'directory' : 'other';
}

/**
 * Lends the model's version directory; for a file that lies in none, one that is made of links, and removed afterwards.
 *
 * @throws whatever `use` throws.
 */
export async function withDirectory<T>(
  { directory, file }: ModelTarget,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  if (directory !== undefined) return await use(directory);
  const made = await mkdtemp(join(tmpdir(), 'servable-'));
  try {
    await link(file, join(made, modelFile));
    for (const location of readModelHeader(file).externalLocations) {
      if (isAbsolute(location) || location.split(/[\\/]/).includes('..')) continue; // refused when it is loaded
      await mkdir(dirname(join(made, location)), { recursive: true });
      await link(join(dirname(file), location), join(made, location));
    }
    return await use(made);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/** A copy on systems where only few may make links. */
async function link(target: string, path: string): Promise<void> {
  await symlink(target, path).catch(() => copyFile(target, path));
}
