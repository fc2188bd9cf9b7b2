import type { ServingError } from '../core/errors.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { ServableStatus, StateChange } from './servable-state.js';
import type { VersionPolicy } from './version-policy.js';

/** Why a version is served, or why it is not. */
export interface Explanation {
  /** Which version this is about. */
  readonly id: ServableId;
  /** True where it answers now. */
  readonly isServing: boolean;
  /** In one sentence, for people. */
  readonly reason: string;
  /** What went wrong last, where something did. */
  readonly error?: ServingError;
  /** What has happened to the version, oldest first, as far as that is remembered. */
  readonly history: readonly StateChange[];
}

/** All that is known of a version and of its model. */
export interface VersionFacts {
  readonly id: ServableId;
  /** Absent where no such model is configured. */
  readonly model?:
    | { readonly basePath?: string | undefined; readonly versionPolicy: VersionPolicy }
    | undefined;
  /** Absent where nothing has happened to the version so far, or that was long ago. */
  readonly status?: ServableStatus | undefined;
  readonly history: readonly StateChange[];
  /** What the last look into the base path, or its source, brought; absent before the first one. */
  readonly found?: { readonly versions: readonly number[]; readonly aspired: readonly number[] } | undefined;
  /** Why the base path could not be looked into. */
  readonly sourceError?: ServingError | undefined;
}

/** Answers the question why a version is not serving, out of all that is known. */
export function explain(facts: VersionFacts): Explanation {
  const { id, status, history } = facts;
  const error = status?.error ?? status?.retry?.error ?? status?.warning ?? facts.sourceError;
  return {
    id,
    isServing: status?.state === 'AVAILABLE',
    reason: `${formatServableId(id)} ${reasonOf(facts)}`,
    ...(error && { error }),
    history,
  };
}

function reasonOf(facts: VersionFacts): string {
  const { status } = facts;
  if (status === undefined || (status.state === 'END' && status.error === undefined))
    return whyNotWanted(facts);
  return inState(status);
}

function inState({ state, error, retry, warning }: ServableStatus): string {
  switch (state) {
    case 'START':
      return 'is wanted, and waits for its turn to be loaded';
    case 'LOADING':
      if (retry === undefined) return 'is being loaded, or waits for a load thread';
      return `could not be loaded so far (${times(retry.failures)}) and is tried again: ${retry.error.message}`;
    case 'AVAILABLE':
      return warning === undefined ? 'is serving' : `is serving, but: ${warning.message}`;
    case 'DRAINING':
      return 'is no longer wanted, and ends the requests that it has';
    case 'UNLOADING':
      return 'is no longer wanted, and gives its memory back';
    case 'END':
      return `could not be loaded, and is tried again when its files change: ${error?.message}`;
    default:
      return state satisfies never;
  }
}

function whyNotWanted({ id, model, found, sourceError }: VersionFacts): string {
  if (model === undefined) return `is not served: no model ${id.model} is configured`;
  if (sourceError !== undefined) return `is not served: ${sourceError.message}`;
  const { basePath } = model;
  if (found === undefined) {
    const what = basePath === undefined ? 'its source has not spoken' : `nobody has looked into ${basePath}`;
    return `is not served yet: ${what} so far`;
  }
  const { versions, aspired } = found;
  if (!versions.includes(id.version)) {
    const what = basePath === undefined ? 'its source wants' : `there is no such version in ${basePath}, but`;
    return `is not served: ${what} ${list(versions)}`;
  }
  if (aspired.includes(id.version)) return 'is wanted, and will be loaded';
  return `is not served: its version policy ${JSON.stringify(model.versionPolicy)} chooses ${list(aspired)} of ${list(versions)}`;
}

function list(versions: readonly number[]): string {
  return versions.length === 0 ? 'none' : versions.join(', ');
}

function times(count: number): string {
  return count === 1 ? 'one attempt' : `${count} attempts`;
}
