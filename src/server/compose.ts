import { BatchDispatcher } from '../batching/batch-dispatcher.js';
import { BatchingLoader } from '../batching/batching-loader.js';
import type { BatchingOptions } from '../batching/batching-options.js';
import { ServableManager } from '../control/manager.js';
import { FileSystemSource } from '../control/sources/file-system-source.js';
import { ModelSources } from '../control/sources/model-sources.js';
import { StateMonitor } from '../control/state-monitor.js';
import type { Clock } from '../core/clock.js';
import { Meters } from '../metrics/meters.js';
import type { ResolvedConfigFile } from '../options/config-file-options.js';
import { deviceOf } from '../options/device-check.js';
import type { ResolvedModelOptions } from '../options/model-options.js';
import type { ResolvedOptions } from '../options/server-options.js';
import { RequestLogs } from '../request-log/request-logs.js';
import { VersionLabels } from '../routing/labels.js';
import { Resolver } from '../routing/resolver.js';
import { OrtEngine } from '../runner/engine.js';
import { OnnxLoader } from '../runner/onnx-loader.js';
import { StagingLoader } from '../storage/staging-loader.js';
import { serverTraces } from '../tracing/server-traces.js';
import { readSamples } from '../warmup/read-samples.js';
import { WarmupLoader } from '../warmup/warmup-loader.js';
import type { WarmupPlan } from '../warmup/warmup-plan.js';
import { encodePredictLog } from '../wire/predict-log.js';
import { ChosenLoader } from './chosen-loader.js';
import { ConfiguredModels } from './configured-models.js';
import { liveFacts } from './live-facts.js';
import { type ConfigReport, ModelConfigFile } from './model-config-file.js';
import { rowRange } from './row-range.js';
import { ServedModels } from './served-models.js';
import type { Emit } from './server-events.js';
import { VersionBatching } from './version-batching.js';
import { type Watchers, watchersOf } from './watchers.js';

/** The parts of a server, connected, and none of them started. */
export interface Parts {
  readonly options: ResolvedOptions;
  readonly engine: OrtEngine;
  readonly dispatcher: BatchDispatcher;
  readonly monitor: StateMonitor;
  readonly manager: ServableManager;
  readonly source: ModelSources;
  readonly labels: VersionLabels;
  readonly resolver: Resolver;
  readonly served: ServedModels;
  readonly configured: ConfiguredModels;
  readonly logs: RequestLogs;
  readonly configFile: ModelConfigFile | undefined;
  readonly meters: Meters;
  readonly watchers: Watchers;
}

/** Makes the parts of a server and connects them. */
export function compose(options: ResolvedOptions, emit: Emit): Parts {
  const { clock, numBatchThreads, device, fallback } = options;
  const serverDevice = { device, fallback };
  const served = new ServedModels();
  const engine = new OrtEngine(options);
  const dispatcher = new BatchDispatcher({ numBatchThreads, clock });
  const monitor = new StateMonitor({ clock, endedRetentionMs: options.endedRetentionMs });
  const meters = new Meters(
    {
      hasModel: (model) => served.get(model) !== undefined || monitor.status(model).length > 0,
      hasVersion: (id) => monitor.remembers(id),
      facts: () => liveFacts({ engine, monitor, manager, labels, served, options }),
    },
    clock,
  );
  const watchers = watchersOf(options, meters, emit);
  const versionBatching = new VersionBatching((model) => served.get(model)?.batching);
  const onnxLoader = new OnnxLoader({
    engine,
    sessionOptions: ({ model }) => served.get(model)?.session,
    devices: ({ model }) => ({ ...serverDevice, ...deviceOf(served.get(model) ?? {}) }),
    rows: (id) => rowRange(versionBatching.get(id)),
    cacheDirectory: options.cacheDirectory,
    onRun: (run) => meters.runs.onRun(run),
    trace: serverTraces.run,
    clock,
  });
  const batchingLoader = new BatchingLoader({
    loader: new ChosenLoader(({ model }) => served.get(model)?.loader ?? onnxLoader),
    dispatcher,
    batching: (id, path) => versionBatching.read(id, path),
    samples: (servable, path, signal) => readSamples(servable, path, signal),
    observer: watchers.batching,
    trace: serverTraces.batch,
    onUnbatched: watchers.onUnbatched,
  });
  const warmupLoader = new WarmupLoader({
    loader: batchingLoader,
    plan: (id) => warmupPlan(served.get(id.model), versionBatching.get(id)),
    onWarmup: watchers.onWarmup,
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
    onFailure: watchers.onFailure,
    onLoad: watchers.onLoad,
    trace: serverTraces.load,
  });
  const files = new FileSystemSource({ ...options, models: [], onLook: watchers.onLook });
  const source = new ModelSources({ files, timeoutMs: options.lookTimeoutMs, clock });
  const labels = new VersionLabels(manager, watchers.onLabel);
  monitor.listen((status) => labels.refresh(status.id.model));
  monitor.listen(({ id, state }) => {
    if (state === 'END') versionBatching.forget(id);
  });
  monitor.listen(watchers.onState);
  const logs = new RequestLogs({
    encode: ({ spec, ...entry }, samplingRate) => encodePredictLog({ ...entry, spec, samplingRate }),
    observer: watchers.requestLogs,
    clock,
  });
  const configured = new ConfiguredModels(options.configFile?.modelDefaults ?? {}, (name) =>
    served.get(name),
  );
  served.connect({ manager, source, labels, logs, onModels: () => watchers.onModels(served.names()) });
  served.begin(options.models);
  return {
    options,
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
      options.configFile &&
      newConfigFile(clock, options.configFile, { served, configured }, watchers.onConfig),
    meters,
    watchers,
  };
}

function newConfigFile(
  clock: Clock,
  file: ResolvedConfigFile,
  models: { readonly served: ServedModels; readonly configured: ConfiguredModels },
  onConfig: (report: ConfigReport) => void,
): ModelConfigFile {
  return new ModelConfigFile({ ...file, ...models, clock, onConfig });
}

function warmupPlan(
  model: ResolvedModelOptions | undefined,
  batching: BatchingOptions | false,
): WarmupPlan | undefined {
  if (model === undefined) return undefined;
  const { warmup, numRequestIterations } = model;
  const batchSizes = batching === false ? [] : (batching.allowedBatchSizes ?? []);
  return { warmup, numRequestIterations, batchSizes };
}
