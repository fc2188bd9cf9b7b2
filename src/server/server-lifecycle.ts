import { ServingError } from '../core/errors.js';
import type { ServerMetrics } from '../metrics/server-metrics.js';
import { atMost } from './at-most.js';
import type { Parts } from './compose.js';

/** Milliseconds that the last request logs are given to be written in. */
const logsGraceMs = 5000;

/** The life of a server. */
export type ServerState = 'new' | 'starting' | 'serving' | 'closing' | 'closed';

/** Starts the parts of a server and ends them, each once. */
export class ServerLifecycle<Server> {
  readonly #server: Server;
  readonly #parts: Parts;
  readonly #metrics: ServerMetrics;
  #started: Promise<Server> | undefined;
  #isStarted = false;
  #isGone = false;
  #startedAtMs: number | undefined;
  #closed: Promise<void> | undefined;

  /** @param server what the start resolves with. */
  constructor(server: Server, parts: Parts, metrics: ServerMetrics) {
    this.#server = server;
    this.#parts = parts;
    this.#metrics = metrics;
  }

  /** True from the end of the start to the beginning of the end. */
  get isServing(): boolean {
    return this.#isStarted && this.#closed === undefined;
  }

  get state(): ServerState {
    if (this.#closed !== undefined) return this.#isGone ? 'closed' : 'closing';
    if (this.#isStarted) return 'serving';
    return this.#started === undefined ? 'new' : 'starting';
  }

  /** When the start had ended, in milliseconds since 1970. */
  get startedAtMs(): number | undefined {
    return this.#startedAtMs;
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** A second call returns the first one's promise; a start that failed may be tried again. */
  start(): Promise<Server> {
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  /** A second call returns the first one's promise. Never rejects. */
  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  /** The parts, to be used. @throws ServingError UNAVAILABLE before the start, and from the beginning of the end on. */
  open(): Parts {
    if (this.#started !== undefined && this.#closed === undefined) return this.#parts;
    const why = this.#closed === undefined ? 'it is not started' : 'it is closing';
    throw new ServingError('UNAVAILABLE', `Cannot use the server: ${why}`);
  }

  async #start(): Promise<Server> {
    this.#assertNotClosed('Cannot start the server: it is closed');
    const { engine, source, manager, configFile, served, watchers } = this.#parts;
    this.#metrics.register();
    await configFile?.read();
    engine.start();
    await source.start(manager);
    await manager.settled();
    await configFile?.follow();
    this.#assertNotClosed('The server was closed while it started');
    this.#isStarted = true;
    this.#startedAtMs = Date.now();
    watchers.onStarted(served.names());
    return this.#server;
  }

  async #close(graceMs: number): Promise<void> {
    const { source, manager, dispatcher, engine, configFile, logs, watchers, options } = this.#parts;
    watchers.onClosing(undefined);
    configFile?.close();
    source.close();
    await manager.close({ graceMs });
    await dispatcher.close();
    await engine.close();
    await atMost(options.clock, logsGraceMs, logs.close());
    this.#metrics.close();
    this.#isGone = true;
    watchers.onClosed(undefined);
  }

  #assertNotClosed(otherwise: string): void {
    if (this.#closed !== undefined) throw new ServingError('FAILED_PRECONDITION', otherwise);
  }
}
