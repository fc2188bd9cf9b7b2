import { Worker } from 'node:worker_threads';
import { ServingError } from '../core/errors.js';
import { threadOptions } from '../core/thread-options.js';
import { MemoryLimits } from './arenas/memory-limits.js';
import { SharedArenas } from './arenas/shared-arenas.js';
import { Gpus } from './devices/nvidia/gpus.js';
import { nvidiaLibraries } from './devices/nvidia/nvml.js';
import type { EngineOptions } from './engine-options.js';
import { GraphThreads, mostGraphThreads } from './graphs/graph-threads.js';
import { InlineRunner } from './inline/inline-runner.js';
import { bindOrtApi, type OrtApi, type Pointer } from './ort/c-api.js';
import { openEnvironment } from './ort/environment.js';
import { findLibrary } from './ort/library.js';
import { usableCpus } from './threads/cpu-quota.js';
import { ExecutionThreads } from './threads/execution-threads.js';
import { ExitBarrier } from './threads/exit-barrier.js';
import { LoadRunner } from './threads/load-runner.js';
import { ThreadRunner } from './threads/thread-runner.js';
import type { ThreadSetup } from './worker/messages.js';

/** The native library in this thread, and what hangs on it. */
export interface EngineBinding {
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
  readonly limits: MemoryLimits;
  readonly graphThreads: GraphThreads;
}

const workerEntry = new URL('./worker/main.js', import.meta.url);

/** Loads the library and makes the threads. @throws ServingError FAILED_PRECONDITION where onnxruntime cannot be loaded. */
export function bindEngine(options: EngineOptions): EngineBinding {
  const libraryFile = findLibrary();
  const api = bindOrtApi(libraryFile);
  const environment = openEnvironment(api);
  const cpus = usableCpus();
  const numLoadThreads = options.numLoadThreads ?? Math.min(2, cpus);
  const numBatchThreads = options.numBatchThreads ?? cpus;
  const places = 2 * numLoadThreads + numBatchThreads + mostGraphThreads + 1;
  const barrier = new ExitBarrier(places, () => {
    const reason = new ServingError('UNAVAILABLE', 'The process exits');
    for (const runner of [threadRunner, ...graphThreads.runners]) runner.abandon(reason);
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
  const graphThreads = new GraphThreads(api, () => threads('graph', 1));
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
    limits: new MemoryLimits(options, gpus),
    graphThreads,
  };
}
