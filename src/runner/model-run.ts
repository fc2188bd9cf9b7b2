import type { ServingError } from '../core/errors.js';
import type { RunOrigin } from '../core/run-origin.js';
import type { ServableId } from '../core/servable-id.js';

/** One run of a model. The payload of the tracing channel `servable:run`. */
export class ModelRun {
  /** Which version ran. */
  readonly id: ServableId;
  /** Where it runs: `cpu`, `cuda:0`. */
  readonly device: string;
  /** A `RequestRecord` or a `BatchRecord`; undefined for what the server runs of its own: warm-ups, trials. */
  readonly origin: RunOrigin | undefined;
  /** On the clock. */
  readonly startedMs: number;
  /** A moment on the engine's clock. */
  endedMs = 0;
  /** Whether it was done on the calling thread. */
  isInline = false;
  /** Microseconds of the run itself; of one that failed, with the wait for a thread. */
  runMicros = 0;
  /** Absent where it ended well. */
  error: ServingError | undefined = undefined;

  constructor(id: ServableId, device: string, origin: RunOrigin | undefined, startedMs: number) {
    this.id = id;
    this.device = device;
    this.origin = origin;
    this.startedMs = startedMs;
  }
}
