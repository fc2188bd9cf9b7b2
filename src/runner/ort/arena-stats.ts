import { type OrtApi, OutWord, type Pointer } from './c-api.js';

/** What an arena holds, in bytes. */
export interface ArenaStats {
  /** What it may take from the system at most. */
  readonly limitBytes: number;
  /** Weights, and what runs have at the moment. */
  readonly inUseBytes: number;
  /** Taken from the system: what is in use, and what is kept for the next runs. */
  readonly allocatedBytes: number;
}

/** What the arena behind an allocator holds; undefined where it is no arena. Takes some microseconds. */
export function arenaStats(api: OrtApi, allocator: Pointer): ArenaStats | undefined {
  const out = new OutWord();
  api.AllocatorGetStats(allocator, out.memory);
  const stats = out.pointer;
  const bytes = (key: string) => Number(api.GetKeyValue(stats, key) ?? 0);
  try {
    if (api.GetKeyValue(stats, 'TotalAllocated') === null) return undefined;
    return {
      limitBytes: bytes('Limit'),
      inUseBytes: bytes('InUse'),
      allocatedBytes: bytes('TotalAllocated'),
    };
  } finally {
    api.ReleaseKeyValuePairs(stats);
  }
}
