import { Worker } from 'node:worker_threads';
import { ServingError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { threadOptions } from '../core/thread-options.js';
import type { EngineRun } from './engine-run.js';
import { InlineRunner, type InlineRuns } from './inline/inline-runner.js';
import { bindOrtApi, type OrtApi, type Pointer } from './ort/c-api.js';
import { openEnvironment } from './ort/environment.js';
import { findLibrary } from './ort/library.js';
import { arenaBytes, type OpenSession } from './ort/session.js';
import { elementTotal } from './run-inputs.js';
import type { SessionOptions } from './session-options.js';
import { usableCpus } from './threads/cpu-quota.js';
import { ExecutionThreads, type ThreadUsage } from './threads/execution-threads.js';
import { ExitBarrier } from './threads/exit-barrier.js';
import { LoadRunner } from './threads/load-runner.js';
import { ThreadRunner } from './threads/thread-runner.js';
import type { ThreadSetup } from './worker/messages.js';

export interface EngineOptions {
  /**
   * Threads that run sessions, at most, shared by all models; each is started when it is needed. At least 1.
   *
   * @default the CPUs that the process may use: its control group's quota, or its processors where that is less
   */
  readonly numBatchThreads?: number;
  /**
   * Threads that load and unload models, at most. At least 1. On Linux they give way to all other threads of the process,
   * unless the session that they load has threads of its own.
   *
   * @default 2, or 1 on one CPU: enough to overlap reading and building, few enough to leave the CPUs to requests
   */
  readonly numLoadThreads?: number;
  /**
   * Whether short runs are done on the calling thread. Waking a thread costs about 50 to 100 µs, many times what a
   * small model needs.
   *
   * - `auto`: runs that were measured to be shorter than 100 µs for inputs of that size, for at most
   *   `maxInlineMicros` in one turn of the event loop. A run that turns out long is terminated within 10 ms (plus one
   *   operator) and done again on a thread.
   * - `off`: none; the calling thread never runs a model.
   * - `on`: all, for as long as they take: for programs that have nothing else to do on that thread.
   *
   * @default 'auto'
   */
  readonly inlineRuns?: InlineRuns;
  /**
   * Microseconds for which `auto` may hold the event loop in one turn of it.
   *
   * @default 1000
   */
  readonly maxInlineMicros?: number;
}

/** The native library in this thread, and what hangs on it. */
interface Binding {
  readonly api: OrtApi;
  readonly environment: Pointer;
  readonly closeLoadThreads: () => Promise<void>;
  readonly batchThreads: ExecutionThreads;
  readonly loadThreads: ExecutionThreads;
  readonly inlineRunner: InlineRunner;
  readonly loadRunner: LoadRunner;
  readonly threadRunner: ThreadRunner;
  readonly barrier: ExitBarrier;
}

const workerEntry = new URL('./worker/main.js', import.meta.url);

/**
 * onnxruntime, off the event loop: load threads create sessions, batch threads run them, and a session's weights are
 * in memory once, whichever thread runs it.
 *
 * It knows files and native addresses; `OnnxLoader` makes servables of them.
 *
 * @example
 * ```ts
 * import { OrtEngine } from 'servable';
 *
 * const engine = new OrtEngine({ numBatchThreads: 1, numLoadThreads: 1 });
 * engine.start();
 * const open = await engine.openSession('examples/models/digits/1/model.onnx', { graphOptimization: 'basic' });
 * console.log(open.inputs[0].name, open.inputs[0].type.dtype); // pixels float32
 * await engine.closeSession(open);
 * await engine.close();
 * ```
 */
export class OrtEngine {
  readonly #options: EngineOptions;
  #binding: Binding | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: EngineOptions = {}) {
    this.#options = options;
  }

  /**
   * Loads the library and starts the threads; a second call has no effect.
   *
   * @throws ServingError FAILED_PRECONDITION where onnxruntime cannot be loaded, or the engine is closed.
   */
  start(): void {
    if (this.#closed !== undefined) {
      throw new ServingError('FAILED_PRECONDITION', 'Cannot start the engine: it is closed');
    }
    this.#binding ??= bind(this.#options);
  }

  /**
   * Creates a session from a model file, on a load thread.
   *
   * @throws OrtError with onnxruntime's reason; ServingError CANCELLED for a load that was aborted before its end,
   *   FAILED_PRECONDITION for a provider that is not there, UNAVAILABLE.
   */
  async openSession(file: string, options: SessionOptions, signal?: AbortSignal): Promise<OpenSession> {
    return this.#bound().loadRunner.open(file, options, signal);
  }

  /**
   * The names of the files that a model has its external data in, as the model has them; read on a load thread.
   *
   * @throws ServingError CANCELLED when the signal is aborted, FAILED_PRECONDITION where the file cannot be read,
   *   UNAVAILABLE.
   */
  async listExternalData(file: string, signal?: AbortSignal): Promise<readonly string[]> {
    return this.#bound().loadRunner.listExternalData(file, signal);
  }

  /** What the threads have to do; undefined before the start and after the end. Load threads are those that give way. */
  get threads(): { readonly batch: ThreadUsage; readonly load: ThreadUsage } | undefined {
    if (this.#binding === undefined) return undefined;
    const { batchThreads, loadThreads } = this.#binding;
    return { batch: batchThreads.usage, load: loadThreads.usage };
  }

  /** onnxruntime's version; undefined before the start and after the end. */
  get runtimeVersion(): string | undefined {
    return this.#binding?.api.version;
  }

  /**
   * Bytes that an open session's arena has taken from the system so far; undefined where it has none. Takes some
   * microseconds.
   */
  arenaBytes(open: OpenSession): number | undefined {
    return this.#binding === undefined ? undefined : arenaBytes(this.#binding.api, open);
  }

  /** Releases a session, on a load thread. The caller has made sure that no run is in flight. Never rejects. */
  async closeSession(open: OpenSession): Promise<void> {
    await this.#bound().loadRunner.close(open);
  }

  /**
   * Runs a session. The inputs are read before this returns: the caller may change them afterwards.
   *
   * @throws OrtError with onnxruntime's reason; ServingError CANCELLED when the signal is aborted, as soon as the run
   *   has ended; UNAVAILABLE where the thread died.
   */
  async run(run: EngineRun): Promise<readonly Tensor[]> {
    const { inlineRunner, threadRunner } = this.#bound();
    const elements = elementTotal(run.inputs);
    if (inlineRunner.accepts(run, elements)) {
      const outputs = inlineRunner.run(run, elements);
      if (outputs !== undefined) return outputs;
    }
    return threadRunner.run(run, elements);
  }

  /**
   * Ends runs, which reject with this error: those of one session that wait or are under way; without one all of them, and
   * every one that is still to come. A run that ends before it can be stopped is answered.
   */
  abandon(error: ServingError, session?: Pointer): void {
    this.#binding?.threadRunner.abandon(error, session);
  }

  /**
   * Lets the threads finish what they are at, ends them, and gives the library's environment back. Sessions must have
   * been closed before.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#binding === undefined) return;
    const { api, environment, closeLoadThreads, batchThreads, inlineRunner, barrier } = this.#binding;
    await Promise.all([closeLoadThreads(), batchThreads.close(), inlineRunner.close()]);
    barrier.close();
    api.ReleaseEnv(environment);
    this.#binding = undefined;
  }

  #bound(): Binding {
    if (this.#binding !== undefined) return this.#binding;
    throw new ServingError('UNAVAILABLE', 'Cannot use the engine: it is not started');
  }
}

function bind(options: EngineOptions): Binding {
  const libraryFile = findLibrary();
  const api = bindOrtApi(libraryFile);
  const environment = openEnvironment(api);
  const cpus = usableCpus();
  const numLoadThreads = options.numLoadThreads ?? Math.min(2, cpus);
  const numBatchThreads = options.numBatchThreads ?? cpus;
  const barrier = new ExitBarrier(2 * numLoadThreads + numBatchThreads + 1, () => {
    threadRunner.abandon(new ServingError('UNAVAILABLE', 'The process exits'));
    loadRunner.abandon();
  });
  const threads = (name: string, size: number, { givesWay = false } = {}): ExecutionThreads => {
    const spawn = () => {
      const place = barrier.take();
      const workerData: ThreadSetup = { libraryFile, environment, place, givesWay };
      const worker = new Worker(workerEntry, { ...threadOptions, workerData, name: `servable-${name}` });
      return worker.once('exit', () => barrier.giveBack(place));
    };
    const pool = new ExecutionThreads({ name: `${name} thread`, size, spawn });
    pool.start();
    return pool;
  };
  const patient = threads('load', numLoadThreads, { givesWay: true });
  let ordinary: ExecutionThreads | undefined; // few models need them
  const startOrdinary = () => {
    ordinary ??= threads('load', numLoadThreads);
    return ordinary;
  };
  const batchThreads = threads('batch', numBatchThreads);
  const loadRunner = new LoadRunner(api, { patient, ordinary: startOrdinary });
  const closeLoadThreads = async () => {
    loadRunner.end();
    await Promise.all([patient.close(), ordinary?.close()]);
  };
  const threadRunner = new ThreadRunner(api, batchThreads);
  const inlineRunner = new InlineRunner(api, libraryFile, barrier, {
    mode: options.inlineRuns ?? 'auto',
    maxInlineMicros: options.maxInlineMicros ?? 1000,
  });
  return {
    api,
    environment,
    closeLoadThreads,
    batchThreads,
    loadThreads: patient,
    loadRunner,
    threadRunner,
    inlineRunner,
    barrier,
  };
}
