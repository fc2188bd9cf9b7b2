import type { Example } from '../core/example.js';
import type { TensorMap } from '../core/tensor.js';
import { decodeExamples } from './decode-examples.js';
import { decodeInputs, rawTensors } from './decode-inputs.js';
import type { DecodeTensorOptions } from './decode-tensor.js';
import { decodeMessage, tensorflow } from './messages.js';
import type { LoggedSpec } from './predict-log.js';

const { PredictionLog } = tensorflow.serving;

/** A request of a PredictionLog, by its kind. */
export type LoggedRequest =
  | {
      readonly kind: 'predict';
      readonly spec: LoggedSpec;
      readonly inputs: TensorMap;
      readonly outputFilter: readonly string[];
    }
  | {
      readonly kind: 'classify' | 'regress';
      readonly spec: LoggedSpec;
      readonly examples: readonly Example[];
    }
  | {
      readonly kind: 'multi-inference';
      readonly specs: readonly LoggedSpec[];
      readonly examples: readonly Example[];
    }
  /** A kind that is not run here, by its field number: 5 is a SessionRunLog, 7 a PredictStreamedLog. */
  | { readonly kind: 'unsupported'; readonly logType: number }
  | { readonly kind: 'none' };

/**
 * The request in the bytes of a PredictionLog. Fields that are not known are passed over, as protobuf does: a later TF
 * Serving may have written them.
 *
 * @throws ServingError INVALID_ARGUMENT for bytes that are none, and as `decodeTensor` does, with the alias as `input`.
 */
export function decodeRequest(bytes: Uint8Array, options: DecodeTensorOptions = {}): LoggedRequest {
  const log = decodeMessage('PredictionLog', PredictionLog, bytes);
  switch (log.log_type) {
    case 'predict_log': {
      const { model_spec, inputs, output_filter } = log.predict_log?.request ?? {};
      return {
        kind: 'predict',
        spec: specOf(model_spec),
        inputs: decodeInputs(rawTensors(inputs), options),
        outputFilter: output_filter ?? [],
      };
    }
    case 'classify_log':
      return { kind: 'classify', ...examplesOf(log.classify_log?.request) };
    case 'regress_log':
      return { kind: 'regress', ...examplesOf(log.regress_log?.request) };
    case 'multi_inference_log': {
      const { tasks, input } = log.multi_inference_log?.request ?? {};
      const specs = (tasks ?? []).map(({ model_spec }) => specOf(model_spec));
      return { kind: 'multi-inference', specs, examples: decodeExamples(input) };
    }
    case 'session_run_log':
      return { kind: 'unsupported', logType: 5 };
    case 'predict_streamed_log':
      return { kind: 'unsupported', logType: 7 };
    default:
      return { kind: 'none' };
  }
}

function examplesOf(request: tensorflow.serving.ClassificationRequest.$Properties | null | undefined) {
  return { spec: specOf(request?.model_spec), examples: decodeExamples(request?.input) };
}

function specOf(message: tensorflow.serving.ModelSpec.$Properties | null | undefined): LoggedSpec {
  const { name, version, version_label: label, signature_name: signature } = message ?? {};
  return {
    model: name ?? '',
    ...(version && { version: Number(version.value ?? 0) }),
    ...(label && { label }),
    signature: signature ?? '',
  };
}
