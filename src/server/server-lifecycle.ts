import type { Clock } from '../core/clock.js';
import { ServingError } from '../core/errors.js';
import { atMost } from './at-most.js';
import type { Emit, Parts } from './compose.js';

/** Milliseconds that the last request logs are given to be written in. */
const logsGraceMs = 5000;

/** Starts the parts of a server and ends them, each once. */
export class ServerLifecycle<Server> {
  readonly #server: Server;
  readonly #parts: Parts;
  readonly #clock: Clock;
  readonly #emit: Emit;
  #started: Promise<Server> | undefined;
  #isStarted = false;
  #closed: Promise<void> | undefined;

  /** @param server what the start resolves with. */
  constructor(server: Server, parts: Parts, clock: Clock, emit: Emit) {
    this.#server = server;
    this.#parts = parts;
    this.#clock = clock;
    this.#emit = emit;
  }

  /** True from the end of the start to the beginning of the end. */
  get isServing(): boolean {
    return this.#isStarted && this.#closed === undefined;
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
    const { engine, source, manager, configFile } = this.#parts;
    await configFile?.read();
    engine.start();
    await source.start(manager);
    await manager.settled();
    await configFile?.follow();
    this.#assertNotClosed('The server was closed while it started');
    this.#isStarted = true;
    this.#emit('started');
    return this.#server;
  }

  async #close(graceMs: number): Promise<void> {
    const { source, manager, dispatcher, engine, configFile, logs } = this.#parts;
    this.#emit('closing');
    configFile?.close();
    source.close();
    await manager.close({ graceMs });
    await dispatcher.close();
    await engine.close();
    await atMost(this.#clock, logsGraceMs, logs.close());
  }

  #assertNotClosed(otherwise: string): void {
    if (this.#closed !== undefined) throw new ServingError('FAILED_PRECONDITION', otherwise);
  }
}
