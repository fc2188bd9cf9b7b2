import { ServingError } from '../../core/errors.js';
import type { ArenaConfig, OpenArena } from '../ort/arena.js';
import { processWide } from '../process-wide.js';

/** An arena of the process, and who has it. */
interface ProcessArena {
  readonly config: ArenaConfig;
  readonly opened: Promise<OpenArena>;
  /** Undefined until it is opened. */
  now: OpenArena | undefined;
  users: number;
}

/** What opens and closes arenas, off the event loop. */
export interface ArenaThreads {
  openArena(config: ArenaConfig): Promise<OpenArena>;
  closeArena(arena: OpenArena): Promise<void>;
}

/** By place: a process has one of each, as onnxruntime's environment has. */
function processArenas(): Map<string, ProcessArena> {
  return processWide('arenas', () => new Map());
}

/**
 * The arenas that an engine's sessions share with all other sessions of the process: opened when the first one needs them,
 * closed when the last engine that has them is.
 */
export class SharedArenas {
  readonly #threads: ArenaThreads;
  readonly #mine = new Map<string, ProcessArena>();

  constructor(threads: ArenaThreads) {
    this.#threads = threads;
  }

  /**
   * The arena of a place.
   *
   * @throws ServingError FAILED_PRECONDITION where the process has one with another limit; what `openArena` throws.
   */
  async open(config: ArenaConfig): Promise<OpenArena> {
    const arena = this.#mine.get(config.place) ?? this.#join(config);
    try {
      arena.now = await arena.opened;
      return arena.now;
    } catch (error) {
      this.#leave(config.place, arena); // the next one may be luckier
      throw error;
    }
  }

  /** Those that are open. */
  get opened(): readonly OpenArena[] {
    return [...this.#mine.values()].flatMap(({ now }) => (now === undefined ? [] : [now]));
  }

  /** Gives back what the engine has. Its sessions must have been closed before. Never rejects. */
  async close(): Promise<void> {
    for (const [place, arena] of this.#mine) {
      if (!this.#leave(place, arena)) continue;
      await arena.opened.then((opened) => this.#threads.closeArena(opened)).catch(() => {});
    }
  }

  #join(config: ArenaConfig): ProcessArena {
    const all = processArenas();
    const { place, limitBytes, allowGrowth } = config;
    const arena = all.get(place) ?? {
      config,
      opened: this.#threads.openArena(config),
      now: undefined,
      users: 0,
    };
    const other = arena.config;
    if (other.limitBytes !== limitBytes || other.allowGrowth !== allowGrowth)
      throw anotherLimit(config, other);
    arena.users++;
    all.set(place, arena);
    this.#mine.set(place, arena);
    return arena;
  }

  /** True where nobody has the arena any more. */
  #leave(place: string, arena: ProcessArena): boolean {
    if (!this.#mine.delete(place)) return false;
    arena.users--;
    if (arena.users > 0) return false;
    if (processArenas().get(place) === arena) processArenas().delete(place);
    return true;
  }
}

function anotherLimit(wanted: ArenaConfig, other: ArenaConfig): ServingError {
  const describe = ({ limitBytes, allowGrowth }: ArenaConfig) =>
    `${limitBytes} bytes${allowGrowth ? '' : ', by doubling'}`;
  return new ServingError(
    'FAILED_PRECONDITION',
    `The memory of ${wanted.place} is limited for the whole process: to ${describe(other)} by another server, and to ${describe(wanted)} by this one`,
    { actual: describe(wanted), expected: describe(other) },
  );
}
