/** Which of the versions that a source finds are to be served. */
export type VersionPolicy =
  /** The highest so many; 0 means 1, as in TF Serving. */
  | { readonly latest: number }
  /** Exactly these, where they exist; an empty list serves none. */
  | { readonly specific: readonly number[] }
  | 'all';

/** A version and the name of the directory that it was found under: `7`, or `007`. */
export interface VersionDirectory {
  readonly version: number;
  readonly name: string;
}

/** What a policy makes of the names in a base path. */
export interface VersionChoice {
  /** The versions to serve, highest first. */
  readonly aspired: readonly VersionDirectory[];
  /** All versions there are, highest first. */
  readonly found: readonly VersionDirectory[];
  /** Names that mean a version that another name means too (`1` beside `001`). They are not served. */
  readonly duplicates: readonly string[];
  /** Versions that the policy names and that are not there. */
  readonly missing: readonly number[];
}

/**
 * Chooses among the names of the directories in a base path.
 *
 * A name is a version where all of it is a decimal number; leading zeros are allowed, and the shortest of several
 * names for one version wins. Other names are none of our business. Numbers beyond 2^53 - 1 are not versions either:
 * JavaScript cannot tell them apart.
 *
 * Source: TF Serving, sources/storage_path/file_system_storage_path_source.cc, `AspireVersions` and its kin.
 */
export function chooseVersions(names: readonly string[], policy: VersionPolicy): VersionChoice {
  const byVersion = new Map<number, string>();
  const duplicates: string[] = [];
  for (const name of [...names].sort(shortestFirst)) {
    const version = parseVersion(name);
    if (version === undefined) continue;
    if (byVersion.has(version)) duplicates.push(name);
    else byVersion.set(version, name);
  }
  const found = [...byVersion].map(([version, name]) => ({ version, name }));
  found.sort((a, b) => b.version - a.version);
  const missing =
    typeof policy === 'object' && 'specific' in policy ? absent(policy.specific, byVersion) : [];
  return { aspired: select(found, policy), found, duplicates, missing };
}

function select(found: readonly VersionDirectory[], policy: VersionPolicy): readonly VersionDirectory[] {
  if (policy === 'all') return found;
  if ('specific' in policy) return found.filter(({ version }) => policy.specific.includes(version));
  return found.slice(0, Math.max(policy.latest, 1));
}

function absent(versions: readonly number[], found: ReadonlyMap<number, string>): number[] {
  return [...new Set(versions)].filter((version) => !found.has(version));
}

function parseVersion(name: string): number | undefined {
  if (!/^[0-9]+$/.test(name)) return undefined;
  const version = Number(name);
  return Number.isSafeInteger(version) ? version : undefined;
}

function shortestFirst(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}
