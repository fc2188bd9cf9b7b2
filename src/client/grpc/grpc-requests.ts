// Hot path: once for each call over gRPC. Guarded by bench/client/predict.mjs.
import type { Example } from '../../core/example.js';
import type { ModelSpec } from '../../core/model-spec.js';
import type { Tensor, TensorMap } from '../../core/tensor.js';
import { ByteSink } from '../../wire/byte-sink.js';
import { writeExamples } from '../../wire/encode-example.js';
import { writeTensor } from '../../wire/encode-tensor.js';
import { tensorflow } from '../../wire/messages.js';
import { writeSpec } from '../../wire/write-predict.js';
import type { ReloadedModel } from '../answers.js';
import type { WireTask } from '../wire.js';

// The numbers of fields are TF Serving's: apis/*.proto.

/** A PredictRequest. */
export function predictRequest(
  spec: ModelSpec,
  inputs: TensorMap,
  outputs: readonly string[] | undefined,
): Uint8Array {
  const sink = new ByteSink().message(1, (to) => writeModelSpec(to, spec));
  for (const [alias, tensor] of Object.entries(inputs)) {
    sink.message(2, (entry) => entry.text(1, alias).message(2, (to) => writeInput(to, tensor)));
  }
  for (const alias of outputs ?? []) sink.field(3, Buffer.from(alias, 'utf8'));
  return sink.written;
}

/** As TensorFlow's own clients write it: numbers as they lie in memory, strings one by one. */
function writeInput(sink: ByteSink, tensor: Tensor): void {
  writeTensor(sink, tensor, { asTensorContent: tensor.dtype !== 'string' });
}

function writeModelSpec(sink: ByteSink, { signature = '', ...rest }: ModelSpec): void {
  writeSpec(sink, { ...rest, signature });
}

/** A ClassificationRequest or a RegressionRequest, which have the same form. */
export function examplesRequest(spec: ModelSpec, examples: readonly Example[]): Uint8Array {
  const sink = new ByteSink().message(1, (to) => writeModelSpec(to, spec));
  writeExamples(sink, 2, examples);
  return sink.written;
}

/** A MultiInferenceRequest. */
export function multiInferenceRequest(tasks: readonly WireTask[], examples: readonly Example[]): Uint8Array {
  const sink = new ByteSink();
  for (const { spec, method } of tasks) {
    sink.message(1, (task) =>
      task.message(1, (to) => writeModelSpec(to, spec)).text(2, `tensorflow/serving/${method}`),
    );
  }
  writeExamples(sink, 2, examples);
  return sink.written;
}

/** A GetModelStatusRequest. */
export function statusRequest(spec: ModelSpec): Uint8Array {
  return new ByteSink().message(1, (to) => writeModelSpec(to, spec)).written;
}

/** A GetModelMetadataRequest. */
export function metadataRequest(spec: ModelSpec): Uint8Array {
  return new ByteSink().message(1, (to) => writeModelSpec(to, spec)).text(2, 'signature_def').written;
}

/** A ReloadConfigRequest. */
export function reloadRequest(models: readonly ReloadedModel[], counters: readonly string[]): Uint8Array {
  const config = models.map(({ name, basePath, platform = 'tensorflow', versionPolicy, labels = {} }) => ({
    name,
    base_path: basePath,
    model_platform: platform,
    version_labels: labels as never,
    ...(versionPolicy !== undefined && { model_version_policy: policyOf(versionPolicy) }),
  }));
  return tensorflow.serving.ReloadConfigRequest.encode({
    config: { model_config_list: { config } },
    metric_names: [...counters],
  }).finish();
}

type PolicyMessage = tensorflow.serving.FileSystemStoragePathSourceConfig.ServableVersionPolicy.$Properties;

function policyOf(policy: NonNullable<ReloadedModel['versionPolicy']>): PolicyMessage {
  if (policy === 'all') return { all: {} };
  if ('latest' in policy) return { latest: { num_versions: policy.latest } };
  return { specific: { versions: policy.specific as never } };
}
