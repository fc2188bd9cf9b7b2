import type { Pointer } from '../ort/c-api.js';
import type { BarrierPlace } from './thread-barrier.js';

/** What the guard thread is given when it is started. */
export interface GuardSetup {
  readonly libraryFile: string;
  /** The run options of every inline run. */
  readonly runOptions: Pointer;
  /** `cell.count` 32-bit cells, shared with the host's thread. */
  readonly memory: SharedArrayBuffer;
  /** The guard's place at the engine's exit barrier. */
  readonly place: BarrierPlace;
  /** How often the guard looks, in milliseconds. */
  readonly tickMs: number;
}

/** The places in the memory that the host's thread and the guard share. */
export const cell = {
  /** 1 once the guard watches. */
  isReady: 0,
  /** 1 while the guard ticks; 0 while it sleeps until it is set and notified. */
  isArmed: 1,
  /** Counts inline runs. */
  sequence: 2,
  /** 1 while an inline run holds the host's thread. */
  isRunning: 3,
  /** 1 when the guard is to end; waiting on it is a tick. */
  isClosing: 4,
  count: 5,
} as const;
