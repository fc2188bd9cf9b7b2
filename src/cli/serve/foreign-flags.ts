import type { Flag } from './flag.js';

const group = 'Of TensorFlow Serving, without effect here';

function foreign<K extends Flag['kind']>(kind: K, ignored: string, neutral?: Flag['neutral']): Flag<K> {
  return {
    kind,
    group,
    ignored,
    help: ignored,
    default: '',
    ...(neutral !== undefined && { neutral }),
  };
}

const savedModel = 'it is about SavedModels';
const tflite = 'it is about TensorFlow Lite';
const xla = 'it is about XLA, which compiles TensorFlow graphs';

/**
 * Flags of TensorFlow Serving that have no meaning here, and why. They are taken, so that a pod starts with the arguments
 * that it has, and told of in one line; no answer depends on any of them.
 */
export const foreignFlags = {
  rest_api_num_threads: foreign(
    'integer',
    'REST is answered by the event loop; models run on num_batch_threads',
  ),
  grpc_max_threads: foreign('integer', 'gRPC is answered by the event loop; models run on num_batch_threads'),
  flush_filesystem_caches: foreign('boolean', 'nothing is cached between two looks at a file system'),
  enable_profiler: foreign('boolean', "there is no TensorFlow profiler; Node's is --cpu-prof", false),
  tensorflow_session_config_file: foreign(
    'text',
    'it configures TensorFlow; models[].session in --config is for onnxruntime',
    '',
  ),
  platform_config_file: foreign(
    'text',
    'it configures platforms of TensorFlow Serving; models[].device in --config says where a model runs',
    '',
  ),
  saved_model_tags: foreign('text', savedModel, 'serve'),
  remove_unused_fields_from_bundle_metagraph: foreign('boolean', savedModel),
  prefer_tflite_model: foreign('boolean', tflite, false),
  num_tflite_pools: foreign('integer', tflite),
  num_tflite_interpreters_per_pool: foreign('integer', tflite),
  xla_cpu_compilation_enabled: foreign('boolean', xla, false),
  xla_gpu_compilation_enabled: foreign('boolean', xla, false),
  mixed_precision: foreign('text', 'the precision of an ONNX model is its own', ''),
  skip_initialize_tpu: foreign('boolean', 'TPUs are not used', false),
  thread_pool_factory_config_file: foreign('text', 'it configures thread pools of TensorFlow', ''),
} as const satisfies Readonly<Record<string, Flag>>;
