import type { ServableState } from './servable-state.js';

/**
 * What comes first when the versions of a model change.
 *
 * - `availability-preserving`: a version is unloaded when another one can answer; for a while both are in memory.
 * - `resource-preserving`: a version is loaded when those that must go are gone; for a while none may answer.
 */
export type TransitionPolicy = 'availability-preserving' | 'resource-preserving';

/** One version as a policy sees it. */
export interface VersionSnapshot {
  readonly version: number;
  readonly state: ServableState;
  /** Wanted as it is: in this place, and not on its way out. */
  readonly isAspired: boolean;
  /** Not wanted as it is, but its version is: loaded anew, from another place or after it has gone. */
  readonly isAspiredAnew: boolean;
}

/** The one thing to do next. */
export interface TransitionAction {
  readonly action: 'load' | 'unload';
  readonly version: number;
}

/**
 * Says what to do next with the versions of one model; undefined where nothing is to be done until something changes.
 * Unloading comes before loading: it makes room.
 *
 * Source: TF Serving, core/availability_preserving_policy.cc and core/resource_preserving_policy.cc. There a version
 * that is wanted anew holds up all others of its model; here they are loaded and unloaded meanwhile.
 */
export function nextTransition(
  policy: TransitionPolicy,
  versions: readonly VersionSnapshot[],
): TransitionAction | undefined {
  const unload = policy === 'availability-preserving' ? unloadWhenCovered(versions) : lowestLeaving(versions);
  if (unload !== undefined) return { action: 'unload', version: unload };
  if (policy === 'resource-preserving' && versions.some(isStillLeaving)) return undefined;
  const load = highest(versions.filter(({ isAspired, state }) => isAspired && state === 'START'));
  return load === undefined ? undefined : { action: 'load', version: load };
}

/** The version that may go, if one may: another one is there to answer, or none is wanted any more. */
function unloadWhenCovered(versions: readonly VersionSnapshot[]): number | undefined {
  const isNoneWanted = !versions.some(({ isAspired, isAspiredAnew }) => isAspired || isAspiredAnew);
  const isCovered = versions.some(({ isAspired, state }) => isAspired && state === 'AVAILABLE');
  if (isNoneWanted || isCovered) return lowestLeaving(versions);
  const replaced = lowestLeaving(versions.filter(({ isAspiredAnew }) => isAspiredAnew));
  if (versions.filter(isLeaving).length > 1) return replaced ?? lowestLeaving(versions);
  // The last one that answers stays until a wanted one does; but where it holds up the only one that may, it goes.
  return versions.some(isComing) ? undefined : replaced;
}

/** Will answer, unless it fails: it is on its way up, or on its way out to be loaded anew. */
function isComing({ isAspired, isAspiredAnew, state }: VersionSnapshot): boolean {
  return (isAspired && state !== 'END') || (isAspiredAnew && state !== 'AVAILABLE');
}

function lowestLeaving(versions: readonly VersionSnapshot[]): number | undefined {
  const leaving = versions.filter(isLeaving).map(({ version }) => version);
  return leaving.length === 0 ? undefined : Math.min(...leaving);
}

/** Answers, and should not. */
function isLeaving({ isAspired, state }: VersionSnapshot): boolean {
  return !isAspired && state === 'AVAILABLE';
}

/** Holds memory, and should not. */
function isStillLeaving({ isAspired, state }: VersionSnapshot): boolean {
  return !isAspired && state !== 'END';
}

function highest(versions: readonly VersionSnapshot[]): number | undefined {
  return versions.length === 0 ? undefined : Math.max(...versions.map(({ version }) => version));
}
