import type { ServingError } from '../../core/errors.js';
import { assertArena, type OpenArena, shrinkArena } from './arena.js';
import { arenaStats } from './arena-stats.js';
import { type OrtApi, OrtError, OutWord, type Pointer } from './c-api.js';
import type { SessionRunner } from './run.js';
import { closeSession, type OpenSession, openSession } from './session.js';
import { arenaFull } from './status.js';
import { weightsTooLarge } from './weights-too-large.js';

/** The memory that a session shares with others. Plain data: it may cross threads. */
export interface SessionMemory {
  readonly arena: OpenArena;
  /** Bytes of the model's weights, where they lie in the arena's place; 0 where they lie elsewhere. */
  readonly weightBytes: number;
  /** What the limit is called where it was set. */
  readonly limitName: string;
}

export interface CappedLoad {
  readonly environment: Pointer;
  readonly file: string;
  /** Native session options, by which the session takes its memory from the environment. */
  readonly options: Pointer;
  readonly memory: SessionMemory;
}

/**
 * Creates a session whose weights and runs stay under the limit of a shared arena. Blocks. Two loads into one arena must not
 * overlap.
 *
 * onnxruntime takes the memory of weights without a look at the limit, and where that exceeds it, there is none any more
 * (what is left of it is computed as a number without a sign). So it is looked at here: before the load, and after it.
 * On the host some of the weights come to lie outside of the arena; then as much of the arena is held without being used.
 *
 * @throws OrtError with onnxruntime's reason; ServingError RESOURCE_EXHAUSTED where it does not fit. Nothing is left.
 */
export function openCappedSession(
  api: OrtApi,
  runner: SessionRunner,
  { environment, file, options, memory }: CappedLoad,
): OpenSession {
  const { arena, weightBytes } = memory;
  makeRoom(api, runner, memory);
  const usedBefore = statsOf(api, arena).inUseBytes;
  const open = openSession(api, environment, file, options, arena.memoryInfo);
  try {
    assertArena(api, open, arena);
    if (statsOf(api, arena).allocatedBytes > arena.limitBytes)
      makeRoom(api, runner, { ...memory, weightBytes: 0 });
    if (arena.place !== 'cpu') return open;
    const inArena = statsOf(api, arena).inUseBytes - usedBefore;
    const held = hold(api, runner, memory, weightBytes - Math.max(0, inArena));
    return held === undefined ? open : { ...open, held };
  } catch (error) {
    closeSession(api, open);
    throw error;
  }
}

/** Makes sure that the arena has room for the weights. @throws ServingError RESOURCE_EXHAUSTED */
function makeRoom(api: OrtApi, runner: SessionRunner, memory: SessionMemory): void {
  const { arena, weightBytes } = memory;
  const free = () => arena.limitBytes - statsOf(api, arena).allocatedBytes;
  if (free() >= weightBytes) return;
  shrinkArena(api, runner, arena); // what runs have left there is in the way
  const left = free();
  if (left < weightBytes) throw tooLarge(memory, weightBytes, Math.max(0, left));
}

/** Takes so much of the arena; undefined where that is nothing. @throws ServingError RESOURCE_EXHAUSTED */
function hold(api: OrtApi, runner: SessionRunner, memory: SessionMemory, bytes: number): Pointer | undefined {
  if (bytes <= 0) return undefined;
  const out = new OutWord();
  const { arena } = memory;
  try {
    api.AllocatorAlloc(arena.allocator, bytes, out.memory);
  } catch {
    shrinkArena(api, runner, arena);
    try {
      api.AllocatorAlloc(arena.allocator, bytes, out.memory);
    } catch (error) {
      const free = error instanceof OrtError ? arenaFull(error.message)?.freeBytes : undefined;
      throw tooLarge(memory, bytes, free ?? 0);
    }
  }
  return out.pointer;
}

function statsOf(api: OrtApi, { allocator, limitBytes }: OpenArena) {
  return arenaStats(api, allocator) ?? { limitBytes, inUseBytes: 0, allocatedBytes: 0 };
}

function tooLarge({ arena, limitName }: SessionMemory, needed: number, free: number): ServingError {
  return weightsTooLarge(needed, free, `${limitName} ${arena.limitBytes}`);
}
