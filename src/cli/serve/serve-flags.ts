import { type Flag, flagsIn, type ValuesOf } from './flag.js';
import { foreignFlags } from './foreign-flags.js';

const models = flagsIn('Models');
const listeners = flagsIn('Listeners');
const wires = flagsIn('REST and gRPC');
const batching = flagsIn('Batching');
const loading = flagsIn('Loading and warm-up');
const threads = flagsIn('Threads and devices');
const stopping = flagsIn('Stopping');
const logs = flagsIn('Logs and configuration');

/** The flags that only this program has; all others have TensorFlow Serving's names and meanings. */
export const ownFlags = {
  grpc_address: listeners(
    'text',
    '',
    'gRPC on host:port or unix:/path, in place of --port; port 0 takes a free one',
  ),
  rest_address: listeners('text', '', 'REST on host:port or unix:/path, in place of --rest_api_port'),
  device: threads(
    'text',
    'cpu',
    'where models run that say nothing else: cpu, cuda:0, tensorrt:0, webgpu, coreml, dml:0; several with commas',
  ),
  device_fallback: threads(
    'text',
    'fail',
    'cpu serves from the CPU what its device cannot run; fail does not',
  ),
  lame_duck_seconds: stopping(
    'number',
    5,
    'serve on for so long after SIGTERM or SIGINT, while readiness says no',
  ),
  drain_grace_seconds: stopping('number', 20, 'then give what is under way so long to end in'),
  log_format: logs('text', 'text', 'text, or json: one object a line'),
  log_level: logs('text', 'info', 'debug, info, warn or error'),
  config: logs('text', '', 'a JSON file with what no flag can say; flags come before it'),
} as const satisfies Readonly<Record<string, Flag>>;

const tensorflowFlags = {
  model_name: models('text', 'default', 'what requests call the model of --model_base_path'),
  model_base_path: models(
    'text',
    '',
    'the folder of its versions, or a URI: <base path>/<version>/model.onnx',
  ),
  model_config_file: models(
    'text',
    '',
    'a ModelServerConfig, as protobuf text or JSON; --model_name is not read then',
  ),
  model_config_file_poll_wait_seconds: models(
    'integer',
    0,
    'seconds between two looks at it; 0 reads it once',
  ),
  file_system_poll_wait_seconds: models(
    'integer',
    1,
    'seconds between two looks at base paths; 0 looks once',
  ),
  allow_version_labels_for_unavailable_models: models(
    'boolean',
    'true',
    'labels always may wait for their versions here; false changes nothing',
  ),
  port: listeners('integer', 8500, 'the port of gRPC, on 0.0.0.0; 0 turns it off'),
  grpc_socket_path: listeners('text', '', 'a unix socket for gRPC, beside the port'),
  rest_api_port: listeners('integer', 8501, 'the port of REST, on all addresses; 0 turns it off'),
  ssl_config_file: listeners('text', '', 'an SSLConfig with PEM texts: gRPC by TLS'),
  use_alts_credentials: listeners('boolean', false, 'ALTS of Google, which cannot be had: true is refused'),
  grpc_channel_arguments: wires(
    'text',
    '',
    'options of gRPC by their names: grpc.max_concurrent_streams=100,…',
  ),
  rest_api_timeout_in_ms: wires('integer', 30_000, 'milliseconds for an answer; 0 and less set no limit'),
  rest_api_enable_cors_support: wires('boolean', false, 'pages of other sites may ask'),
  monitoring_config_file: wires('text', '', 'a MonitoringConfig: where metrics are to be had over REST'),
  enable_grpc_healthcheck_service: wires('boolean', true, 'grpc.health.v1.Health, by model'),
  enable_serialization_as_tensor_content: wires(
    'boolean',
    false,
    'gRPC answers with elements as they lie in memory',
  ),
  enable_signature_method_name_check: wires(
    'boolean',
    false,
    'a signature answers only calls of its own method',
  ),
  enable_batching: batching('boolean', false, 'requests share runs'),
  batching_parameters_file: batching('text', '', 'BatchingParameters, as protobuf text or JSON'),
  enable_per_model_batching_parameters: batching(
    'boolean',
    false,
    'a version has the batching of its own batching_params.pbtxt, and none without that',
  ),
  max_num_load_retries: loading(
    'integer',
    5,
    'times that a load is tried again that failed for a passing reason',
  ),
  load_retry_interval_micros: loading('integer', 60_000_000, 'microseconds between two attempts'),
  enable_model_warmup: loading('boolean', true, 'run a version with its warm-up file before it is available'),
  num_request_iterations_for_warmup: loading('integer', 0, 'times that each warm-up request is run; 0 is 1'),
  num_load_threads: threads('integer', 0, 'threads that load models; 0 is 2, or 1 on one CPU'),
  num_unload_threads: threads('integer', 0, 'versions that are unloaded at one time; 0 is 2'),
  tensorflow_intra_op_parallelism: threads('integer', 0, "onnxruntime's threads for one operator; 0 is 1"),
  tensorflow_inter_op_parallelism: threads(
    'integer',
    0,
    'operators that onnxruntime runs at one time; 0 is 1',
  ),
  tensorflow_session_parallelism: threads('integer', 0, 'both of these, where they are not given'),
  per_process_gpu_memory_fraction: threads(
    'number',
    0,
    'the part of GPU memory that models may take; 0: no limit',
  ),
} as const satisfies Readonly<Record<string, Flag>>;

/** Every flag of `servable serve`, by its name without dashes. */
export const serveFlags = { ...tensorflowFlags, ...ownFlags, ...foreignFlags };

/** What was given on the command line, and nothing else. */
export type FlagValues = ValuesOf<typeof serveFlags>;
