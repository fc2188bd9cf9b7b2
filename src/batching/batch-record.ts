import type { RunOrigin } from '../core/run-origin.js';
import type { ServableId } from '../core/servable-id.js';

/** What a batch that runs is made of. */
export interface BatchContent {
  readonly id: ServableId;
  /** On whose behalf: a `RequestRecord` for each request of a server; one that was cut may be here more than once. */
  readonly requests: readonly RunOrigin[];
  /** Rows of the requests, without those that were added. */
  readonly rows: number;
  /** Rows that were added to reach an allowed size. */
  readonly padding: number;
  /** 0 for the batch as it was formed, 1 for its halves after it failed, and so on. */
  readonly attempt: number;
}

/** A run that requests share. The payload of the tracing channel `servable:batch`. */
export class BatchRecord implements RunOrigin, BatchContent {
  /** Which version ran. */
  readonly id: ServableId;
  /** The requests that shared the run, in the order of their rows. */
  readonly requests: readonly RunOrigin[];
  /** Rows of the requests, padding not counted. */
  readonly rows: number;
  /** Rows that were added to come to an allowed size. */
  readonly padding: number;
  /** 0 for the batch as it was formed, 1 for its halves after it failed, and so on. */
  readonly attempt: number;
  /** Microseconds that it waited for a thread. */
  queueMicros = 0;
  /** Microseconds of the run itself; 0 where the servable does not tell. */
  runMicros = 0;

  constructor({ id, requests, rows, padding, attempt }: BatchContent) {
    this.id = id;
    this.requests = requests;
    this.rows = rows;
    this.padding = padding;
    this.attempt = attempt;
  }

  /** Requests, or pieces of large ones, that shared the run. */
  get requestCount(): number {
    return this.requests.length;
  }

  /** Is told by the runner how long it waited and ran. */
  noteRun(queueMicros: number, runMicros: number): void {
    this.queueMicros = queueMicros;
    this.runMicros = runMicros;
  }
}
