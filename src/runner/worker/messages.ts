import type { ErrorFacts, StatusCode } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import type { NvidiaLibraries } from '../devices/nvidia/nvml.js';
import type { VisibleGpus } from '../devices/nvidia/visible-gpus.js';
import type { ModelHeader } from '../files/model-header.js';
import type { ArenaConfig, OpenArena } from '../ort/arena.js';
import type { Pointer } from '../ort/c-api.js';
import type { SessionMemory } from '../ort/capped-session.js';
import type { RunInput, RunOutput } from '../ort/run.js';
import type { OpenSession } from '../ort/session.js';
import type { PlacedSessionOptions, ProviderOptions } from '../session-options.js';
import type { BarrierPlace } from './thread-barrier.js';

/** What a thread is given when it is started. */
export interface ThreadSetup {
  readonly libraryFile: string;
  readonly environment: Pointer;
  /** The thread's place at the engine's exit barrier. */
  readonly place: BarrierPlace;
  /** True where it gives way to all other threads. */
  readonly givesWay: boolean;
}

/** What a thread is asked to do. It does one thing at a time and answers each once. */
export type ThreadRequest =
  | {
      readonly kind: 'open-session';
      readonly file: string;
      readonly options: PlacedSessionOptions;
      /** Whether it says which providers run its operators. */
      readonly countsNodes?: boolean;
      readonly memory?: SessionMemory | undefined;
    }
  | { readonly kind: 'close-session'; readonly open: OpenSession }
  /** Asks what a model file says before it is built. */
  | { readonly kind: 'read-header'; readonly file: string }
  | {
      readonly kind: 'run';
      readonly session: Pointer;
      readonly runOptions: Pointer;
      readonly inputs: readonly RunInput[];
      readonly outputs: readonly RunOutput[];
      /** Where it is recorded, or replayed. */
      readonly graph?: { readonly deviceIndex: number; readonly id: number } | undefined;
    }
  /** Asks for the memory of a session's recorded runs back. */
  | { readonly kind: 'release-graphs'; readonly session: Pointer }
  | { readonly kind: 'open-arena'; readonly config: ArenaConfig }
  | { readonly kind: 'close-arena'; readonly arena: OpenArena }
  /** Asks an arena to give what it keeps for the next runs back to the system. */
  | { readonly kind: 'shrink-arena'; readonly arena: OpenArena }
  /** Asks for the GPUs that CUDA has in this process. */
  | { readonly kind: 'list-gpus'; readonly libraries: NvidiaLibraries }
  | { readonly kind: 'tensorrt-version' }
  /** Asks whether a session can be made on these providers. */
  | { readonly kind: 'try-providers'; readonly providers: readonly ProviderOptions[] }
  /** Asks the C library to give free memory back to the system. */
  | { readonly kind: 'trim' }
  /** Ends the thread; it answers by exiting. */
  | { readonly kind: 'exit' };

/** What a thread says. */
export type ThreadMessage =
  | { readonly kind: 'ready' }
  /**
   * The thread is about to open a session with these options: until it answers, setting their cancellation flag ends
   * the load. They belong to the receiver, who releases them after the answer.
   */
  | { readonly kind: 'opening'; readonly options: Pointer }
  | ThreadAnswer
  | ThreadFailure;

/** The good end of a request. */
export type ThreadAnswer =
  | {
      readonly kind: 'opened';
      readonly open: OpenSession;
      readonly nodes: Readonly<Record<string, number>> | undefined;
    }
  | { readonly kind: 'arena'; readonly arena: OpenArena }
  | { readonly kind: 'version'; readonly version: string }
  | { readonly kind: 'gpus'; readonly found: VisibleGpus }
  | { readonly kind: 'header'; readonly header: ModelHeader }
  | { readonly kind: 'ran'; readonly outputs: readonly Tensor[]; readonly micros: number }
  | { readonly kind: 'done' };

/** The bad end of a request: an `OrtError` where it has an `ortCode`, a `ServingError` where it has a `code`. */
export interface ThreadFailure {
  readonly kind: 'failed';
  readonly message: string;
  readonly ortCode?: number;
  readonly code?: StatusCode;
  readonly facts?: ErrorFacts;
  /** The inputs of a run for which an arena had no room: it may be tried again. */
  readonly inputs?: readonly RunInput[];
}
