// What a program that serves models needs, in reading order.
export { ModelServer } from './server.js';
export type {
  ModelFromSource,
  ModelOnDisk,
  ModelOptions,
  ModelSettings,
} from './options/model-options.js';
export type { ModelServerOptions } from './options/server-options.js';
export type {
  ConfigFileOptions as ModelConfigFileOptions,
  ModelDefaults,
} from './options/config-file-options.js';
export type { VersionPolicy } from './control/version-policy.js';
export type { TransitionPolicy } from './control/transition-policy.js';
export type { BatchingOptions, BatchSafety, PadValue } from './batching/batching-options.js';
export type { SessionOptions } from './runner/session-options.js';

// Where models run.
export type { DeviceKind, DeviceName } from './runner/devices/device-name.js';
export type { DeviceOptions, Fallback, ProviderList } from './runner/devices/device-options.js';
export type { ProviderOptions } from './runner/session-options.js';
export type { CudaOptions } from './runner/devices/cuda-options.js';
export type {
  Int8Options,
  RowRange,
  ShapeRange,
  TensorRtOptions,
} from './runner/devices/tensorrt/tensorrt-options.js';
export {
  type DeviceGpu,
  type DeviceReport,
  type ListDevicesOptions,
  listDevices,
} from './runner/devices/list-devices.js';
export type { Remedy } from './runner/devices/remedies.js';
export type { GpuStatus } from './runner/devices/nvidia/gpus.js';
export type { ArenaStats } from './runner/ort/arena-stats.js';

// Requests and answers.
export type { ModelSpec } from './core/model-spec.js';
export type { ServableId } from './core/servable-id.js';
export type { Prediction, PredictOptions } from './routing/prediction.js';
export type { Classification, ClassifiedExamples, ScoredClass } from './server/inference/classification.js';
export type { Regression } from './server/inference/regression.js';
export type {
  InferenceResult,
  InferenceTask,
  MultiInference,
  InferenceTasks,
} from './server/inference/multi-inference.js';
export type { InferenceOptions } from './server/inference/inference-options.js';
export { type Tensor, type TensorInput, type TensorMap, tensor } from './core/tensor.js';
export { type DType, dtypes, type NumericDType, type TensorDataByDType } from './core/dtype.js';
export { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from './core/half.js';
export type {
  Example,
  ExampleInput,
  Examples,
  Feature,
  FeatureInput,
  NumberArray,
} from './core/example.js';
export type { Dim, Signature, SignatureMethod, TensorSpec } from './core/signature.js';
export { type ErrorFacts, ServingError, type StatusCode } from './core/errors.js';

// What is served, and what happens to it.
export type { RetryStatus, ServableState, ServableStatus, StateChange } from './control/servable-state.js';
export type { ModelServerEvents } from './server/server-events.js';
export type { ConfigReport } from './server/model-config-file.js';
export type { ModelStatus } from './server/model-status.js';
export type { ModelSnapshot, ServerSnapshot } from './server/snapshot.js';
export type { ErrorSnapshot, SignatureSnapshot, VersionSnapshot } from './server/version-snapshot.js';
export type { Durations, VersionTraffic } from './server/version-traffic.js';
export type { ServerState } from './server/server-lifecycle.js';
export type { VersionMetadata } from './server/version-metadata.js';
export type { InputsMaker } from './server/answer.js';
export type { Explanation } from './control/explain.js';
export type { LifecycleObserver, LoadReport, LookReport } from './control/lifecycle-observer.js';
export type { ManagerFailure } from './control/manager.js';
export type { WaitOptions, WaitTarget } from './control/state-monitor.js';

// What a server measures, tells and logs.
export type { MetricsOptions } from './metrics/metrics-options.js';
export { ServerMetrics } from './metrics/server-metrics.js';
export type { MetricRegistry } from './metrics/registry/metric-registry.js';
export type { CollectOptions, MetricsFormat, MetricsSource } from './core/metrics-source.js';
export type { Logger } from './logging/logger.js';
export type { RequestStages } from './logging/slow-request-log.js';
export type { HeaderReader, RequestMethod, RequestRecord, WireRecord } from './core/request-records.js';
export type { RunOrigin } from './core/run-origin.js';
export type { BatchRecord } from './batching/batch-record.js';
export type { ModelRun } from './runner/model-run.js';
export type { LoadRecord } from './control/lifecycle-observer.js';
export type { LiveVersion } from './control/live-version.js';
export type { GpuReading } from './runner/devices/nvidia/nvml.js';
export type { ThreadUsage } from './runner/threads/execution-threads.js';

// The parts that a ModelServer is made of, for programs that compose their own.
export type { AspiredVersion, Source, SourceListener } from './control/source.js';
export { StaticSource } from './control/sources/static-source.js';
export {
  FileSystemSource,
  type FileSystemSourceOptions,
  type WatchedModel,
} from './control/sources/file-system-source.js';
export { type CloseOptions, ServableManager, type ServableManagerOptions } from './control/manager.js';
export { StateMonitor, type StateMonitorOptions } from './control/state-monitor.js';
export type { Lease, ServableDirectory } from './core/servable-directory.js';
export { ConfigFile, type ConfigFileOptions } from './config/config-file.js';
export { parseModelConfig } from './config/model-config.js';
export { type BatchingParameters, parseBatchingParameters } from './config/batching-parameters.js';
export { type MonitoringConfig, parseMonitoringConfig } from './config/monitoring-config.js';
export type { ConfigTextOptions } from './config/config-format.js';
export type {
  ConfiguredLogging,
  ConfiguredModel,
  ConfiguredPlatform,
  ConfiguredVersionPolicy,
  ModelServerConfig,
} from './config/configured-model.js';
export { Resolver } from './routing/resolver.js';
export { type AvailableVersions, type LabelMove, type LabelStatus, VersionLabels } from './routing/labels.js';
export { MemoryBudget, type MemoryBudgetOptions, type Reservation } from './control/memory-budget.js';
export type { RetryPolicy } from './control/retry-policy.js';
export type { Storage, StorageEntry } from './core/storage.js';
export { LocalStorage } from './storage/local-storage.js';
export { S3Storage, type S3StorageOptions } from './storage/s3-storage.js';
export { GcsStorage, type GcsStorageOptions } from './storage/gcs-storage.js';
export { RoutedStorage, type RoutedStorageOptions } from './storage/routed-storage.js';
export { StagingLoader, type StagingLoaderOptions } from './storage/staging-loader.js';
export { type CancelListener, type CancelSignal, toAbortSignal } from './core/cancellation.js';
export { withLease } from './routing/lease.js';
export type {
  BatchingStatus,
  DeviceStatus,
  Loader,
  ModelMetadata,
  RunRequest,
  Servable,
  UnbatchedReport,
  WaitingRequests,
} from './core/servable.js';
export {
  type FunctionCall,
  FunctionServable,
  type FunctionServableOptions,
  type FunctionTensor,
  type FunctionTensors,
  type TensorsOf,
} from './core/function-servable.js';
export { runServable, type RunServableOptions } from './core/run-servable.js';
export { batched, type BatchedOptions } from './batching/batched.js';
export { BatchingLoader, type BatchingLoaderOptions } from './batching/batching-loader.js';
export { BatchDispatcher, type BatchDispatcherOptions } from './batching/batch-dispatcher.js';
export type { BatchingObserver, BatchRefusal, BatchRun, RequestSplit } from './batching/batching-observer.js';
export { WarmupLoader, type WarmupLoaderOptions, type WarmupReport } from './warmup/warmup-loader.js';
export type { Warmup, WarmupPlan } from './warmup/warmup-plan.js';
export { writeWarmupFile } from './warmup/warmup-file.js';
export type { WarmupRequest } from './warmup/warmup-request.js';
export type { RequestLogConfig } from './request-log/request-log-config.js';
export type { RequestCollector, RequestEntry } from './request-log/request-entry.js';
export type {
  DroppedRequest,
  LogDropReason,
  LoggedRequest,
  RequestLogObserver,
} from './request-log/request-log-observer.js';
export { OnnxLoader, type OnnxLoaderOptions } from './runner/onnx-loader.js';
export { OrtEngine } from './runner/engine.js';
export type { EngineOptions } from './runner/engine-options.js';
export type { InlineRuns } from './runner/inline/inline-runner.js';
export type { Clock } from './core/clock.js';
