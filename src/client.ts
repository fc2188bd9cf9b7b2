// What a program that calls a server needs.

export type {
  AnsweringVersion,
  Classification,
  CounterIncreases,
  InferenceResult,
  InferenceTask,
  MultiInference,
  Prediction,
  Regression,
  ReloadedModel,
  ScoredClass,
  VersionMetadata,
  VersionState,
  VersionStatus,
} from './client/answers.js';
export type {
  CallOptions,
  PredictCallOptions,
  ReloadOptions,
  WaitForReadyOptions,
} from './client/call-options.js';
export type { ClientTlsOptions, ServableClientOptions } from './client/client-options.js';
export type { RetryOptions } from './client/retry-policy.js';
export { ServableClient } from './client/servable-client.js';

// The words that it shares with 'servable', of which a program that only calls need not load more.
export { type DType, dtypes, type TensorDataByDType } from './core/dtype.js';
export { type ErrorFacts, ServingError, type StatusCode } from './core/errors.js';
export type { Example, ExampleInput, Examples, Feature, FeatureInput } from './core/example.js';
export { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from './core/half.js';
export type { ModelSpec } from './core/model-spec.js';
export type { Signature, SignatureMethod, TensorSpec } from './core/signature.js';
export { type Tensor, type TensorInput, type TensorMap, tensor } from './core/tensor.js';
