import { Worker } from 'node:worker_threads';
import { ServingError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { threadOptions } from '../core/thread-options.js';
import { SharedArenas } from './arenas/shared-arenas.js';
import { DeviceLoads } from './devices/device-loads.js';
import { type GpuStatus, Gpus } from './devices/nvidia/gpus.js';
import { type GpuReading, type NvidiaLibraries, nvidiaLibraries } from './devices/nvidia/nvml.js';
import type { VisibleGpu, VisibleGpus } from './devices/nvidia/visible-gpus.js';
import type { EngineRun, RunMemory } from './engine-run.js';
import type { ModelHeader } from './files/model-header.js';
import { InlineRunner, type InlineRuns } from './inline/inline-runner.js';
import { type ArenaConfig, type ArenaPlace, sharedArenaEntries } from './ort/arena.js';
import { type ArenaStats, arenaStats } from './ort/arena-stats.js';
import { bindOrtApi, type OrtApi, type Pointer } from './ort/c-api.js';
import { openEnvironment } from './ort/environment.js';
import { assignmentEntries } from './ort/graph-assignment.js';
import { findLibrary } from './ort/library.js';
import type { OpenSession } from './ort/session.js';
import { elementTotal } from './run-inputs.js';
import type { PlacedSessionOptions, ProviderOptions } from './session-options.js';
import { usableCpus } from './threads/cpu-quota.js';
import { ExecutionThreads, type ThreadUsage } from './threads/execution-threads.js';
import { ExitBarrier } from './threads/exit-barrier.js';
import { LoadRunner, type SessionLoad } from './threads/load-runner.js';
import { ThreadRunner } from './threads/thread-runner.js';
import { inTurn, type Turns, webGpuTurns } from './threads/turns.js';
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
  /**
   * Bytes of the host's memory that models may take: their weights, and what runs need. For the whole process, over all
   * servers that set it, which must set the same. A version whose weights do not fit is not loaded, and a run that would
   * need more fails with RESOURCE_EXHAUSTED; both say how much is missing. Weights count as their files hold them; what
   * onnxruntime computes of them while it builds a model is not bounded.
   *
   * @default infinity
   */
  readonly memoryLimitBytes?: number;
  /**
   * The part of each CUDA device's memory that models may take together, more than 0 and at most 1: their weights, and what
   * runs need. For the whole process, as TF Serving's `--per_process_gpu_memory_fraction`. What CUDA's own libraries take
   * comes on top, some hundreds of MB. 0 sets no limit.
   *
   * @default 0, as there
   */
  readonly gpuMemoryFraction?: number;
  /**
   * Whether memory with a limit, and that of CUDA devices, is taken as it is needed. False takes twice as much each time:
   * few, large pieces, sooner at the limit. TF Serving takes all of a GPU's memory at its start; here nothing does.
   *
   * @default true
   */
  readonly allowGrowth?: boolean;
  /** @internal Where NVIDIA's libraries are, for tests. */
  readonly nvidiaLibraries?: NvidiaLibraries;
}

/** Where a session is made, and what for. */
export interface OpenTerms {
  /** Whose memory it takes: `cpu`, or `cuda:0`. Only these can be limited. @default undefined: another device's */
  readonly place?: ArenaPlace | undefined;
  /** Bytes of the model's weights, which are held against the limit. @default 0 */
  readonly weightBytes?: number;
  /** A limit of the session's own, which its options have said to onnxruntime. @default undefined: the engine's */
  readonly ownLimit?: RunMemory | undefined;
  /** Taken while it is made, runs and is closed. @default undefined: all of that may overlap with other sessions */
  readonly turns?: Turns | undefined;
  /** Whether the session says which providers run its operators. @default false */
  readonly countsNodes?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A session of an engine. Plain data. */
export interface EngineSession extends OpenSession {
  /** How many operators each provider runs, by its full name, where that was asked for. */
  readonly nodes?: Readonly<Record<string, number>> | undefined;
  /** What bounds its runs; undefined where nothing does. */
  readonly memory?: RunMemory | undefined;
  readonly turns?: Turns | undefined;
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
  readonly arenas: SharedArenas;
  readonly gpus: Gpus;
}

/** An arena with a limit, and what the limit is called where it was set. */
interface Limit {
  readonly name: string;
  readonly config: ArenaConfig;
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
  /** @internal What the devices have to do. */
  readonly loads = new DeviceLoads();
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
  async openSession(
    file: string,
    options: PlacedSessionOptions,
    terms: OpenTerms = {},
  ): Promise<EngineSession> {
    const { loadRunner, arenas } = this.#bound();
    const { turns, countsNodes = false, weightBytes = 0, ownLimit, place, signal } = terms;
    if (place !== undefined && place !== 'cpu') await this.#assertRoom(place, weightBytes, ownLimit);
    const limit = ownLimit === undefined ? await this.#limitOf(place) : undefined;
    const arena = limit && (await arenas.open(limit.config));
    const entries = { ...(arena && sharedArenaEntries), ...(countsNodes && assignmentEntries) };
    const load: SessionLoad = {
      file,
      options: { ...options, configEntries: { ...entries, ...options.configEntries } },
      countsNodes,
      memory: limit && arena && { arena, weightBytes, limitName: limit.name },
    };
    const open = () => loadRunner.open(load, signal);
    const openInTurn = () => (limit === undefined ? open() : arenas.inTurn(limit.config, open));
    const { open: opened, nodes } = await inTurn(turns, openInTurn);
    const memory = limit && { limitName: limit.name, limitBytes: limit.config.limitBytes, arena };
    return { ...opened, nodes, memory: ownLimit ?? memory, turns };
  }

  /**
   * What a model file says before anybody builds it; read on a load thread.
   *
   * @throws ServingError CANCELLED when the signal is aborted, FAILED_PRECONDITION where the file cannot be read,
   *   UNAVAILABLE.
   */
  async readHeader(file: string, signal?: AbortSignal): Promise<ModelHeader> {
    return this.#bound().loadRunner.readHeader(file, signal);
  }

  /** The GPUs that CUDA has in this process. @throws ServingError FAILED_PRECONDITION with the reason. */
  async gpus(): Promise<VisibleGpus> {
    return this.#bound().gpus.list();
  }

  /** What a GPU has to do; undefined where that cannot be told. */
  readGpu(gpu: VisibleGpu): GpuReading | undefined {
    return this.#bound().gpus.read(gpu);
  }

  /** TensorRT's version; `unknown` where it is not there. */
  async tensorRtVersion(): Promise<string> {
    return this.#bound().loadRunner.tensorRtVersion();
  }

  /** What the GPUs have to do that models were to run on; none where nobody has asked for one. */
  get gpuStatuses(): readonly GpuStatus[] {
    return this.#binding?.gpus.statuses() ?? [];
  }

  /** Whether a session can be made on these providers. @throws what stands in the way. */
  async tryProviders(providers: readonly ProviderOptions[]): Promise<void> {
    const { loadRunner } = this.#bound();
    const attempt = () => loadRunner.tryProviders(providers);
    await inTurn(providers.some(({ name }) => name === 'webgpu') ? webGpuTurns() : undefined, attempt);
  }

  /** What the arenas with a limit hold, by place. */
  get arenas(): ReadonlyMap<string, ArenaStats> {
    const stats = new Map<string, ArenaStats>();
    for (const { place, allocator } of this.#binding?.arenas.opened ?? []) {
      const held = arenaStats((this.#binding as Binding).api, allocator);
      if (held !== undefined) stats.set(place, held);
    }
    return stats;
  }

  /**
   * Refuses weights for which a GPU has no room, as far as its driver tells that, and those above a limit of the model's
   * own, which onnxruntime would load all the same.
   */
  async #assertRoom(
    place: `cuda:${number}`,
    weightBytes: number,
    ownLimit: RunMemory | undefined,
  ): Promise<void> {
    if (ownLimit !== undefined && this.#options.gpuMemoryFraction) throw twoLimits(ownLimit);
    if (ownLimit !== undefined && weightBytes > ownLimit.limitBytes) {
      throw weightsTooLarge(weightBytes, ownLimit.limitBytes, `${ownLimit.limitName} ${ownLimit.limitBytes}`);
    }
    const { gpus } = this.#bound();
    const gpu = await gpus.get(Number(place.slice('cuda:'.length))).catch(() => undefined);
    const reading = gpu && gpus.read(gpu);
    if (reading === undefined) return;
    const { memoryTotalBytes, memoryUsedBytes } = reading;
    const free = memoryTotalBytes - memoryUsedBytes;
    if (weightBytes > free) throw weightsTooLarge(weightBytes, free, `${place}'s ${memoryTotalBytes}`);
  }

  /** Which arena a session takes its memory from; undefined where nobody has limited that. */
  async #limitOf(place: OpenTerms['place']): Promise<Limit | undefined> {
    const { memoryLimitBytes = Number.POSITIVE_INFINITY, gpuMemoryFraction = 0 } = this.#options;
    const { allowGrowth = true } = this.#options;
    if (place === undefined || place === 'cpu') {
      if (memoryLimitBytes === Number.POSITIVE_INFINITY) return undefined;
      const config: ArenaConfig = { place: 'cpu', limitBytes: memoryLimitBytes, allowGrowth };
      return { name: 'memoryLimitBytes', config };
    }
    if (gpuMemoryFraction === 0) return undefined;
    const { gpus } = this.#bound();
    const gpu = await gpus.get(Number(place.slice('cuda:'.length)));
    const total = gpus.read(gpu)?.memoryTotalBytes;
    if (total === undefined) throw unknownMemory(place);
    return {
      name: `gpuMemoryFraction ${gpuMemoryFraction} of ${place},`,
      config: { place, limitBytes: Math.floor(total * gpuMemoryFraction), allowGrowth },
    };
  }

  /** What the threads have to do; undefined before the start and after the end. Load threads are those that give way. */
  get threads(): { readonly batch: ThreadUsage; readonly load: ThreadUsage } | undefined {
    if (this.#binding === undefined) return undefined;
    const { batchThreads, loadThreads } = this.#binding;
    return { batch: batchThreads.usage, load: loadThreads.usage };
  }

  /** @internal How memory with a limit is taken. */
  get growth(): { readonly allowGrowth: boolean } {
    return { allowGrowth: this.#options.allowGrowth ?? true };
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
    return this.#binding && arenaStats(this.#binding.api, open.allocator)?.allocatedBytes;
  }

  /** Releases a session, on a load thread. The caller has made sure that no run is in flight. Never rejects. */
  async closeSession(open: EngineSession): Promise<void> {
    const { loadRunner } = this.#bound();
    const { turns, nodes: _nodes, memory: _memory, ...native } = open;
    await inTurn(turns, () => loadRunner.close(native));
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
    const { arenas, gpus } = this.#binding;
    await arenas.close();
    gpus.close();
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
  const arenas = new SharedArenas(loadRunner);
  const { nvidiaLibraries: libraries = nvidiaLibraries } = options;
  const gpus = new Gpus(libraries, () => loadRunner.listGpus(libraries));
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
    arenas,
    gpus,
  };
}

function unknownMemory(place: string): ServingError {
  return new ServingError(
    'FAILED_PRECONDITION',
    `Cannot limit the memory of ${place}: its driver does not say how much it has`,
    { actual: 'unknown', expected: 'the memory of the device, from NVML' },
  );
}

function weightsTooLarge(needed: number, free: number, ofWhat: string): ServingError {
  return new ServingError(
    'RESOURCE_EXHAUSTED',
    `its weights need ${needed} bytes, and ${free} of ${ofWhat} are free`,
    { actual: `${needed} bytes`, expected: `at most ${free} bytes`, reason: 'memory' },
  );
}

function twoLimits({ limitName, limitBytes }: RunMemory): ServingError {
  return new ServingError(
    'INVALID_ARGUMENT',
    `Cannot use ${limitName} ${limitBytes} and the server's gpuMemoryFraction: memory of its own would not count there`,
    { option: limitName, actual: `${limitBytes}`, expected: 'one of the two' },
  );
}
