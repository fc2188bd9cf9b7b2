import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ServingError } from '../../core/errors.js';
import type { AspiredVersion } from '../source.js';
import { chooseVersions, type VersionChoice, type VersionPolicy } from '../version-policy.js';

/** As much of a file system as looking for versions takes. */
export interface FileSystem {
  /** The names in a directory. */
  readdir(path: string): Promise<readonly string[]>;
  /** Whether a path is a directory, links followed. */
  stat(path: string): Promise<{ isDirectory(): boolean }>;
}

/** The machine's own file system. */
export const nodeFileSystem: FileSystem = { readdir: (path) => readdir(path), stat: (path) => stat(path) };

/** What a look into a base path brought: what is wanted, with what is odd about it, or why that cannot be told. */
export type Found =
  | { readonly versions: readonly AspiredVersion[]; readonly warning: ServingError | undefined }
  | { readonly error: ServingError };

interface Place {
  readonly name: string;
  readonly basePath: string;
  readonly versionPolicy: VersionPolicy;
}

/** Looks into a base path. Never rejects. */
export async function findVersions(fileSystem: FileSystem, place: Place): Promise<Found> {
  try {
    const names = await fileSystem.readdir(place.basePath);
    const directories = await keepDirectories(fileSystem, place.basePath, names);
    const choice = chooseVersions(directories, place.versionPolicy);
    if (!choice.hasVersions && !wantsNothing(place.versionPolicy)) return { error: noVersions(place) };
    const versions = choice.aspired.map(({ version, name }) => ({
      version,
      path: join(place.basePath, name),
    }));
    return { versions, warning: oddity(place, choice) };
  } catch (error) {
    return { error: unreadable(place, error as NodeJS.ErrnoException) };
  }
}

/** Numbers only: it is not our business to look at what else lies there. */
async function keepDirectories(
  fileSystem: FileSystem,
  basePath: string,
  names: readonly string[],
): Promise<string[]> {
  const candidates = names.filter((name) => /^[0-9]+$/.test(name));
  const areDirectories = await Promise.all(
    candidates.map((name) => isDirectory(fileSystem, join(basePath, name))),
  );
  return candidates.filter((_, index) => areDirectories[index]);
}

async function isDirectory(fileSystem: FileSystem, path: string): Promise<boolean> {
  try {
    return (await fileSystem.stat(path)).isDirectory();
  } catch (error) {
    // Gone since it was listed, or a link that leads nowhere: no version. With any other trouble, who knows?
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** An empty list of specific versions is the wish to serve none, so finding none is what was wished for. */
function wantsNothing(policy: VersionPolicy): boolean {
  return typeof policy === 'object' && 'specific' in policy && policy.specific.length === 0;
}

function noVersions({ name, basePath }: Place): ServingError {
  return new ServingError(
    'NOT_FOUND',
    `No versions of servable ${name} found under base path ${basePath}: are its leaf directories numbers, as in ${join(basePath, '1')}?`,
  );
}

function oddity({ name, basePath }: Place, { duplicates, missing }: VersionChoice): ServingError | undefined {
  const odd: string[] = [];
  if (missing.length > 0)
    odd.push(`the versions ${missing.join(', ')}, which its policy names, are not there`);
  if (duplicates.length > 0)
    odd.push(`the directories ${duplicates.join(', ')} repeat versions and are not served`);
  if (odd.length === 0) return undefined;
  return new ServingError('NOT_FOUND', `Servable ${name} under base path ${basePath}: ${odd.join('; ')}`);
}

function unreadable({ name, basePath }: Place, cause: NodeJS.ErrnoException): ServingError {
  switch (cause.code) {
    case 'ENOENT': // in TF Serving's words
      return new ServingError('NOT_FOUND', `Could not find base path ${basePath} for servable ${name}`, {
        cause,
      });
    case 'ENOTDIR':
      return new ServingError(
        'FAILED_PRECONDITION',
        `Cannot look for versions of servable ${name}: base path ${basePath} is not a directory`,
        { cause },
      );
    case 'EACCES':
    case 'EPERM':
      return new ServingError(
        'PERMISSION_DENIED',
        `Cannot look for versions of servable ${name}: this process has no permission to read ${cause.path ?? basePath}`,
        { cause },
      );
    default:
      return new ServingError(
        'UNAVAILABLE',
        `Cannot look for versions of servable ${name} under base path ${basePath}: ${cause.message}`,
        { cause },
      );
  }
}
