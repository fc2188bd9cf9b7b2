import { ServingError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { DeviceLoads } from './devices/device-loads.js';
import type { GpuStatus } from './devices/nvidia/gpus.js';
import type { GpuReading } from './devices/nvidia/nvml.js';
import type { VisibleGpu, VisibleGpus } from './devices/nvidia/visible-gpus.js';
import { bindEngine, type EngineBinding } from './engine-binding.js';
import type { EngineOptions } from './engine-options.js';
import type { EngineRun, RunMemory } from './engine-run.js';
import type { ModelHeader } from './files/model-header.js';
import type { RunGraphs } from './graphs/run-graphs.js';
import { sharedArenaEntries } from './ort/arena.js';
import { type ArenaStats, arenaStats } from './ort/arena-stats.js';
import type { Pointer } from './ort/c-api.js';
import { assignmentEntries } from './ort/graph-assignment.js';
import type { ArenaPlace } from './ort/memory-info.js';
import type { OpenSession } from './ort/session.js';
import { elementTotal } from './run-inputs.js';
import type { PlacedSessionOptions, ProviderOptions } from './session-options.js';
import type { ThreadUsage } from './threads/execution-threads.js';
import type { SessionLoad } from './threads/load-runner.js';
import type { ThreadRunner } from './threads/thread-runner.js';
import { inTurn, loadTurns, type Turns, webGpuTurns } from './threads/turns.js';

/** Where a session is made, and what for. */
export interface OpenTerms {
  /** Whose memory it takes: `cpu`, or `cuda:0`. Only these can be limited. @default undefined: another device's */
  readonly place?: ArenaPlace | undefined;
  /** Bytes of the model's weights, which are held against the limit. @default 0 */
  readonly weightBytes?: number;
  /** A limit of the session's own, which its options have said to onnxruntime. @default undefined: the engine's */
  readonly ownLimit?: RunMemory | undefined;
  /** Where its runs are recorded; they are done on one thread of their device's. @default undefined: they are not */
  readonly graphs?: RunGraphs | undefined;
  /** Taken while it is made, runs and is closed. @default undefined: all of that may overlap with other sessions */
  readonly turns?: Turns | undefined;
  /** Whether the session says which providers run its operators. @default false */
  readonly countsNodes?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A session of an engine, and how it is run. */
export interface EngineSession extends OpenSession {
  /** How many operators each provider runs, by its full name, where that was asked for. */
  readonly nodes?: Readonly<Record<string, number>> | undefined;
  /** What bounds its runs; undefined where nothing does. */
  readonly memory?: RunMemory | undefined;
  readonly turns?: Turns | undefined;
  readonly graphs?: RunGraphs | undefined;
}

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
  #binding: EngineBinding | undefined;
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
    this.#binding ??= bindEngine(this.#options);
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
    const { loadRunner, arenas, limits } = this.#bound();
    const { turns, graphs, countsNodes = false, weightBytes = 0, ownLimit, place, signal } = terms;
    if (graphs !== undefined) limits.assertUnshared();
    const limit = ownLimit === undefined ? await limits.limitOf(place) : undefined;
    const arena = limit && (await arenas.open(limit.config));
    const entries = { ...(arena && sharedArenaEntries), ...(countsNodes && assignmentEntries) };
    const load: SessionLoad = {
      file,
      options: { ...options, configEntries: { ...entries, ...options.configEntries } },
      countsNodes,
      memory: limit && arena && { arena, weightBytes, limitName: limit.name },
    };
    const gpu = place === 'cpu' ? undefined : place;
    const counted = gpu ?? limit?.config.place;
    const open = async () => {
      if (gpu !== undefined) await limits.assertRoom(gpu, weightBytes, ownLimit);
      return loadRunner.open(load, signal);
    };
    const openInTurn = () => inTurn(counted && loadTurns(counted), open);
    const { open: opened, nodes } = await inTurn(turns, openInTurn);
    const memory = limit && { limitName: limit.name, limitBytes: limit.config.limitBytes, arena };
    return { ...opened, nodes, memory: ownLimit ?? memory, turns, graphs };
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
      const held = arenaStats((this.#binding as EngineBinding).api, allocator);
      if (held !== undefined) stats.set(place, held);
    }
    return stats;
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
    const { turns, nodes: _nodes, memory: _memory, graphs, ...native } = open;
    if (graphs !== undefined) await this.#graphRunner(graphs).releaseGraphs(open.session);
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
    if (run.graphs !== undefined) return this.#graphRunner(run.graphs).run(run, elements);
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
    if (this.#binding === undefined) return;
    const { threadRunner, graphThreads } = this.#binding;
    for (const runner of [threadRunner, ...graphThreads.runners]) runner.abandon(error, session);
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
    const { arenas, gpus, graphThreads } = this.#binding;
    await arenas.close();
    gpus.close();
    await Promise.all([closeLoadThreads(), batchThreads.close(), graphThreads.close(), inlineRunner.close()]);
    barrier.close();
    api.ReleaseEnv(environment);
    this.#binding = undefined;
  }

  #graphRunner({ deviceIndex }: RunGraphs): ThreadRunner {
    return this.#bound().graphThreads.runnerOf(deviceIndex);
  }

  #bound(): EngineBinding {
    if (this.#binding !== undefined) return this.#binding;
    throw new ServingError('UNAVAILABLE', 'Cannot use the engine: it is not started');
  }
}
