// Hot path: once for each call over gRPC. Guarded by bench/client/predict.mjs.
import { ServingError } from '../../core/errors.js';
import type { ModelSpec } from '../../core/model-spec.js';
import { putTensor, type Tensor } from '../../core/tensor.js';
import { codeOf } from '../../transport/status.js';
import { signatureOf } from '../../transport/tfs/signature-def.js';
import { rawTensors } from '../../wire/decode-inputs.js';
import { decodeTensor } from '../../wire/decode-tensor.js';
import { decodeMessage, grpc, tensorflow } from '../../wire/messages.js';
import type {
  AnsweringVersion,
  Classification,
  CounterIncreases,
  InferenceResult,
  MultiInference,
  Prediction,
  Regression,
  VersionMetadata,
  VersionStatus,
} from '../answers.js';
import { highestFirst, stateOf } from '../version-states.js';
import type { WireTask } from '../wire.js';

const { serving } = tensorflow;
const signatureField = 'signature_def';
type SpecMessage = tensorflow.serving.ModelSpec.$Properties | null | undefined;

/** @throws ServingError for what is no PredictResponse. */
export function readPrediction(bytes: Uint8Array, asked: ModelSpec): Prediction {
  const message = decodeMessage('PredictResponse', serving.PredictResponse, bytes);
  const outputs: Record<string, Tensor> = {};
  for (const [alias, raw] of rawTensors(message.outputs)) putTensor(outputs, alias, decodeTensor(raw));
  return { id: versionOf(message.model_spec, asked), outputs };
}

/** @throws ServingError for what is no ClassificationResponse. */
export function readClassification(bytes: Uint8Array, asked: ModelSpec): Classification {
  const message = decodeMessage('ClassificationResponse', serving.ClassificationResponse, bytes);
  return { ...answererOf(message.model_spec, asked), results: classesOf(message.result) };
}

/** @throws ServingError for what is no RegressionResponse. */
export function readRegression(bytes: Uint8Array, asked: ModelSpec): Regression {
  const message = decodeMessage('RegressionResponse', serving.RegressionResponse, bytes);
  return { ...answererOf(message.model_spec, asked), values: valuesOf(message.result) };
}

/** @throws ServingError for what is no MultiInferenceResponse. */
export function readMultiInference(bytes: Uint8Array, tasks: readonly WireTask[]): MultiInference {
  const { results } = decodeMessage('MultiInferenceResponse', serving.MultiInferenceResponse, bytes);
  if (results.length !== tasks.length) {
    throw new ServingError('INTERNAL', `It has ${results.length} results, expected ${tasks.length}`);
  }
  const [first] = tasks as readonly [WireTask];
  return {
    id: versionOf(results[0]?.model_spec, first.spec),
    results: results.map((result, place) => resultOf(result, (tasks[place] as WireTask).spec)),
  };
}

function resultOf(
  message: tensorflow.serving.InferenceResult.$Properties,
  asked: ModelSpec,
): InferenceResult {
  const { signature } = answererOf(message.model_spec, asked);
  return message.classification_result
    ? { signature, method: 'classify', results: classesOf(message.classification_result) }
    : { signature, method: 'regress', values: valuesOf(message.regression_result) };
}

function classesOf(
  result: tensorflow.serving.ClassificationResult.$Properties | null | undefined,
): Classification['results'] {
  return (result?.classifications ?? []).map(({ classes }) =>
    (classes ?? []).map(({ label, score }) => ({ label: label ?? '', score: score ?? 0 })),
  );
}

function valuesOf(result: tensorflow.serving.RegressionResult.$Properties | null | undefined): number[] {
  return (result?.regressions ?? []).map(({ value }) => value ?? 0);
}

/** @throws ServingError for what is no GetModelStatusResponse. */
export function readStatus(bytes: Uint8Array, { model }: ModelSpec): readonly VersionStatus[] {
  const message = decodeMessage('GetModelStatusResponse', serving.GetModelStatusResponse, bytes);
  const versions = message.model_version_status.map(({ version, state, status }) => {
    const code = codeOf(status?.error_code ?? 0);
    return {
      id: { model, version: Number(version ?? 0) },
      state: stateOf(serving.ModelVersionStatus.State[state ?? 0]),
      ...(code !== 'OK' && { error: new ServingError(code, status?.error_message ?? '') }),
    };
  });
  return highestFirst(versions);
}

/** @throws ServingError for what is no GetModelMetadataResponse with signatures. */
export function readMetadata(bytes: Uint8Array, asked: ModelSpec): VersionMetadata {
  const message = decodeMessage('GetModelMetadataResponse', serving.GetModelMetadataResponse, bytes);
  const { value } = message.metadata[signatureField] ?? {};
  if (!value) throw new ServingError('INTERNAL', 'It has no signature_def');
  const { signature_def: defs } = decodeMessage('SignatureDefMap', serving.SignatureDefMap, value);
  const signatures = Object.entries(defs).map(([name, def]) => [name, signatureOf(name, def)] as const);
  return { id: versionOf(message.model_spec, asked), signatures: new Map(signatures) };
}

/** @throws ServingError for what is no ReloadConfigResponse. */
export function readReload(bytes: Uint8Array): CounterIncreases {
  const message = decodeMessage('ReloadConfigResponse', serving.ReloadConfigResponse, bytes);
  const increases = message.metric.map(({ name, int64_value_increase: increase }) => {
    return [name ?? '', Number(increase ?? 0)] as const;
  });
  return new Map(increases);
}

/** @throws ServingError for what is no HealthCheckResponse. */
export function readHealth(bytes: Uint8Array): boolean {
  const { HealthCheckResponse } = grpc.health.v1;
  const { status } = decodeMessage('HealthCheckResponse', HealthCheckResponse, bytes);
  return status === HealthCheckResponse.ServingStatus.SERVING;
}

function answererOf(spec: SpecMessage, asked: ModelSpec) {
  const signature = spec?.signature_name || asked.signature || 'serving_default';
  return { id: versionOf(spec, asked), signature };
}

function versionOf(spec: SpecMessage, asked: ModelSpec): AnsweringVersion {
  const version = spec?.version ? Number(spec.version.value ?? 0) : asked.version;
  return { model: spec?.name || asked.model, version };
}
