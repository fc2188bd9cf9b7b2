import { join } from 'node:path';
import { ServingError } from '../../core/errors.js';
import type { Storage } from '../../core/storage.js';
import { chooseVersions, type VersionChoice, type VersionPolicy } from '../version-policy.js';

/** A version that a look found, and where it lies. */
export interface FoundVersion {
  readonly version: number;
  readonly path: string;
}

/** What a look into a base path brought: what is wanted, with what is odd about it, or why that cannot be told. */
export type Found =
  | {
      readonly aspired: readonly FoundVersion[];
      /** All that lie there, highest first. */
      readonly versions: readonly number[];
      readonly warning: ServingError | undefined;
    }
  | { readonly error: ServingError };

interface Place {
  readonly name: string;
  readonly basePath: string;
  readonly versionPolicy: VersionPolicy;
}

/** Looks into a base path. Never rejects. */
export async function findVersions(storage: Storage, place: Place, signal?: AbortSignal): Promise<Found> {
  try {
    const entries = await storage.list(place.basePath, signal);
    const folders = entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
    const choice = chooseVersions(folders, place.versionPolicy);
    if (choice.found.length === 0 && !wantsNothing(place.versionPolicy)) return { error: noVersions(place) };
    const aspired = choice.aspired.map(({ version, name }) => ({
      version,
      path: below(place.basePath, name),
    }));
    return {
      aspired,
      versions: choice.found.map(({ version }) => version),
      warning: oddity(place, choice),
    };
  } catch (error) {
    return { error: unreadable(place, ServingError.from(error, 'UNAVAILABLE')) };
  }
}

/** A path, or a URI, whose slashes a path's rules would eat. */
function below(basePath: string, name: string): string {
  return basePath.includes('://') ? `${basePath.replace(/\/+$/, '')}/${name}` : join(basePath, name);
}

/** An empty list of specific versions is the wish to serve none, so finding none is what was wished for. */
function wantsNothing(policy: VersionPolicy): boolean {
  return typeof policy === 'object' && 'specific' in policy && policy.specific.length === 0;
}

function noVersions({ name, basePath }: Place): ServingError {
  return new ServingError(
    'NOT_FOUND',
    `No versions of servable ${name} found under base path ${basePath}: are its leaf directories numbers, as in ${below(basePath, '1')}?`,
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

function unreadable({ name, basePath }: Place, cause: ServingError): ServingError {
  const { code } = cause;
  const what = `Cannot look for versions of servable ${name}`;
  switch (code) {
    case 'NOT_FOUND': // in TF Serving's words
      return new ServingError(code, `Could not find base path ${basePath} for servable ${name}`, { cause });
    case 'FAILED_PRECONDITION':
      return new ServingError(code, `${what}: base path ${basePath} is not a directory`, { cause });
    case 'PERMISSION_DENIED':
      return new ServingError(code, `${what}: this process has no permission to read ${basePath}`, { cause });
    default:
      return new ServingError(code, `${what} under base path ${basePath}: ${cause.message}`, { cause });
  }
}
