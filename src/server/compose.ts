import { BatchDispatcher } from '../batching/batch-dispatcher.js';
import { BatchingLoader } from '../batching/batching-loader.js';
import { ServableManager } from '../control/manager.js';
import { FileSystemSource } from '../control/sources/file-system-source.js';
import { StateMonitor } from '../control/state-monitor.js';
import type { ResolvedConfigFile } from '../options/config-file-options.js';
import type { ResolvedModelOptions } from '../options/model-options.js';
import type { ResolvedOptions } from '../options/server-options.js';
import { RequestLogs } from '../request-log/request-logs.js';
import { VersionLabels } from '../routing/labels.js';
import { Resolver } from '../routing/resolver.js';
import { OrtEngine } from '../runner/engine.js';
import { OnnxLoader } from '../runner/onnx-loader.js';
import { StagingLoader } from '../storage/staging-loader.js';
import { readSamples } from '../warmup/read-samples.js';
import { WarmupLoader } from '../warmup/warmup-loader.js';
import type { WarmupPlan } from '../warmup/warmup-plan.js';
import { encodePredictLog } from '../wire/predict-log.js';
import { ConfiguredModels } from './configured-models.js';
import { ModelConfigFile } from './model-config-file.js';
import { ServedModels } from './served-models.js';
import type { ModelServerEvents } from './server-events.js';

/** The parts of a server, connected, and none of them started. */
export interface Parts {
  readonly engine: OrtEngine;
  readonly dispatcher: BatchDispatcher;
  readonly monitor: StateMonitor;
  readonly manager: ServableManager;
  readonly source: FileSystemSource;
  readonly labels: VersionLabels;
  readonly resolver: Resolver;
  readonly served: ServedModels;
  readonly configured: ConfiguredModels;
  readonly logs: RequestLogs;
  readonly configFile: ModelConfigFile | undefined;
}

/** Tells the host, a little later: a listener that throws must not stop what it is told of. */
export type Emit = <E extends keyof ModelServerEvents>(
  event: E,
  ...args: Parameters<ModelServerEvents[E]>
) => void;

/** Makes the parts of a server and connects them. */
export function compose(options: ResolvedOptions, emit: Emit): Parts {
  const { clock, numBatchThreads, lifecycleObserver: observer } = options;
  const served = new ServedModels();
  const engine = new OrtEngine(options);
  const dispatcher = new BatchDispatcher({ numBatchThreads, clock });
  const monitor = new StateMonitor({ clock, endedRetentionMs: options.endedRetentionMs });
  const batchingLoader = new BatchingLoader({
    loader: new OnnxLoader({ engine, sessionOptions: ({ model }) => served.get(model)?.session }),
    dispatcher,
    batching: ({ model }) => served.get(model)?.batching,
    samples: (servable, path, signal) => readSamples(servable, path, signal),
    observer: options.batchingObserver,
    onUnbatched: (report) => emit('unbatched', report),
  });
  const warmupLoader = new WarmupLoader({
    loader: batchingLoader,
    plan: ({ model }) => warmupPlan(served.get(model)),
    onWarmup: (report) => observer.onWarmup?.(report),
    clock,
  });
  const manager = new ServableManager({
    ...options,
    loader: new StagingLoader({ ...options, loader: warmupLoader }),
    monitor,
    transitionPolicy: (model) => served.get(model)?.transitionPolicy ?? 'availability-preserving',
    retry: options,
    maxConcurrentLoads: options.numLoadThreads,
    maxConcurrentUnloads: options.numUnloadThreads,
    onFailure: (failure) => emit('failure', failure),
    onLoad: (report) => observer.onLoad?.(report),
  });
  const source = new FileSystemSource({
    ...options,
    models: [],
    onLook: (report) => observer.onLook?.(report),
  });
  const labels = new VersionLabels(manager, (move) => emit('label', move));
  monitor.listen((status) => labels.refresh(status.id.model));
  monitor.listen((status) => observer.onState?.(status));
  monitor.listen((status) => emit('state', status));
  const logs = new RequestLogs({
    encode: ({ spec, ...entry }, samplingRate) => encodePredictLog({ ...entry, spec, samplingRate }),
    observer: options.requestLogObserver,
    clock,
  });
  const configured = new ConfiguredModels(options.configFile?.modelDefaults ?? {}, (name) =>
    served.get(name),
  );
  served.connect({ manager, source, labels, logs, onModels: () => emit('models') });
  served.begin(options.models);
  return {
    engine,
    dispatcher,
    monitor,
    manager,
    source,
    labels,
    resolver: new Resolver(manager, labels),
    served,
    configured,
    logs,
    configFile:
      options.configFile && newConfigFile(options, options.configFile, { served, configured }, emit),
  };
}

function newConfigFile(
  { clock }: ResolvedOptions,
  file: ResolvedConfigFile,
  models: { readonly served: ServedModels; readonly configured: ConfiguredModels },
  emit: Emit,
): ModelConfigFile {
  return new ModelConfigFile({ ...file, ...models, clock, onConfig: (report) => emit('config', report) });
}

function warmupPlan(model: ResolvedModelOptions | undefined): WarmupPlan | undefined {
  if (model === undefined) return undefined;
  const { warmup, numRequestIterations, batching } = model;
  const batchSizes = batching === false ? [] : (batching.allowedBatchSizes ?? []);
  return { warmup, numRequestIterations, batchSizes };
}
