import type { ErrorFacts, StatusCode } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import type { Pointer } from '../ort/c-api.js';
import type { RunInput, RunOutput } from '../ort/run.js';
import type { OpenSession } from '../ort/session.js';
import type { SessionOptions } from '../session-options.js';
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
  | { readonly kind: 'open-session'; readonly file: string; readonly options: SessionOptions }
  | { readonly kind: 'close-session'; readonly open: OpenSession }
  /** Asks for the names of the files that a model has its external data in. */
  | { readonly kind: 'list-external-data'; readonly file: string }
  | {
      readonly kind: 'run';
      readonly session: Pointer;
      readonly runOptions: Pointer;
      readonly inputs: readonly RunInput[];
      readonly outputs: readonly RunOutput[];
    }
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
  | { readonly kind: 'opened'; readonly open: OpenSession }
  | { readonly kind: 'listed'; readonly locations: readonly string[] }
  | { readonly kind: 'ran'; readonly outputs: readonly Tensor[]; readonly micros: number }
  | { readonly kind: 'done' };

/** The bad end of a request: an `OrtError` where it has an `ortCode`, a `ServingError` where it has a `code`. */
export interface ThreadFailure {
  readonly kind: 'failed';
  readonly message: string;
  readonly ortCode?: number;
  readonly code?: StatusCode;
  readonly facts?: ErrorFacts;
}
