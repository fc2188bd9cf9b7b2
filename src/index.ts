// What a program that serves models needs, in reading order.

export {
  type CloseOptions,
  type ManagerFailure,
  ServableManager,
  type ServableManagerOptions,
} from './control/manager.js';
export type { ServableState, ServableStatus } from './control/servable-state.js';
export type { AspiredVersion, Source, SourceListener } from './control/source.js';
// The parts that a ModelServer is made of, for programs that compose their own.
export {
  FileSystemSource,
  type FileSystemSourceOptions,
  type WatchedModel,
} from './control/sources/file-system-source.js';
export { StaticSource } from './control/sources/static-source.js';
export {
  StateMonitor,
  type StateMonitorOptions,
  type WaitOptions,
  type WaitTarget,
} from './control/state-monitor.js';
export type { TransitionPolicy } from './control/transition-policy.js';
export type { VersionPolicy } from './control/version-policy.js';
export type { Clock } from './core/clock.js';
export { type DType, dtypes, type NumericDType, type TensorDataByDType } from './core/dtype.js';
export { type ErrorFacts, ServingError, type StatusCode } from './core/errors.js';
export { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from './core/half.js';
export type { ModelSpec } from './core/model-spec.js';
export type { Loader, ModelMetadata, RunRequest, Servable } from './core/servable.js';
export type { Lease, ServableDirectory } from './core/servable-directory.js';
export type { ServableId } from './core/servable-id.js';
export type { Dim, Signature, SignatureMethod, TensorSpec } from './core/signature.js';
export { type Tensor, type TensorInput, type TensorMap, tensor } from './core/tensor.js';
export type { ModelOptions, ModelServerOptions } from './options.js';
export { withLease } from './routing/lease.js';
export { Resolver } from './routing/resolver.js';
export { type EngineOptions, OrtEngine } from './runner/engine.js';
export type { InlineRuns } from './runner/inline-runner.js';
export { OnnxLoader, type OnnxLoaderOptions } from './runner/onnx-loader.js';
export type { ProviderOptions, SessionOptions } from './runner/session-options.js';
export {
  ModelServer,
  type ModelServerEvents,
  type Prediction,
  type PredictOptions,
} from './server.js';
