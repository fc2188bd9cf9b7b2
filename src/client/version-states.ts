import type { VersionState, VersionStatus } from './answers.js';

const states: readonly string[] = [
  'START',
  'LOADING',
  'AVAILABLE',
  'UNLOADING',
  'END',
] satisfies VersionState[];

/** The state that a server's word means; UNKNOWN for a word of the future. */
export function stateOf(word: unknown): VersionState {
  return states.includes(word as string) ? (word as VersionState) : 'UNKNOWN';
}

export function highestFirst(versions: readonly VersionStatus[]): readonly VersionStatus[] {
  return [...versions].sort((a, b) => b.id.version - a.id.version);
}
