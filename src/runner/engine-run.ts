import type { CancelSignal } from '../core/cancellation.js';
import type { RunGraphs } from './graphs/run-graphs.js';
import type { RunTimes } from './inline/run-times.js';
import type { OpenArena } from './ort/arena.js';
import type { Pointer } from './ort/c-api.js';
import type { RunInput, RunOutput } from './ort/run.js';
import type { Turns } from './threads/turns.js';

/** The limit that bounds the memory of a session's runs. */
export interface RunMemory {
  /** What the limit is called where it was set. */
  readonly limitName: string;
  readonly limitBytes: number;
  /** The arena that is bounded, where sessions share it. */
  readonly arena?: OpenArena | undefined;
}

/** One inference, in native terms. */
export interface EngineRun {
  readonly session: Pointer;
  readonly inputs: readonly RunInput[];
  readonly outputs: readonly RunOutput[];
  /** What runs of this model cost; the engine reads and updates it. */
  readonly times: RunTimes;
  readonly runConfigEntries?: Readonly<Record<string, string>> | undefined;
  /** Whose turn it is, where runs must not overlap with others. */
  readonly turns?: Turns | undefined;
  /** True where it computes on another device: never on the calling thread, which would wait for that. */
  readonly isOnDevice?: boolean | undefined;
  /** Where its runs are recorded and replayed. */
  readonly graphs?: RunGraphs | undefined;
  /** Undefined where nobody has set a limit. */
  readonly memory?: RunMemory | undefined;
  readonly signal?: CancelSignal | undefined;
  /** Where what the run itself took is noted. */
  readonly record?: { runMicros: number; isInline: boolean } | undefined;
  /** True where the inputs' memory may be moved to a thread as it is: nobody else has it. */
  readonly givesInputs?: boolean | undefined;
}
