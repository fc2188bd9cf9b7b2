import { describe, expect, it } from 'vitest';
import { CommandError } from '#dist/cli/command-error.js';
import type { FlagValues } from '#dist/cli/serve/serve-flags.js';
import { type FileTexts, type ServeSettings, serveSettings } from '#dist/cli/serve/serve-settings.js';

const model = { model_base_path: '/m' } as const;

function settings(flags: FlagValues, texts: FileTexts = {}, env: Record<string, string> = {}): ServeSettings {
  return serveSettings(flags, { texts, env });
}

/** The flags as a config file says them. */
function withConfig(config: unknown, flags: FlagValues = {}): ServeSettings {
  return settings({ config: 'c.json', ...flags }, { config: JSON.stringify(config) });
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError);
    expect((error as CommandError).exitCode).toBe(2);
    return (error as CommandError).message;
  }
  throw new Error('Nothing was refused');
}

describe('what flags come to', () => {
  it.each<[string, FlagValues, object]>([
    ['the poll of base paths, in ms', { file_system_poll_wait_seconds: 3 }, { pollIntervalMs: 3000 }],
    ['one look', { file_system_poll_wait_seconds: 0 }, { pollIntervalMs: 0 }],
    ['retries', { max_num_load_retries: 0 }, { maxNumLoadRetries: 0 }],
    ['no wait between retries', { load_retry_interval_micros: -1 }, { loadRetryIntervalMicros: 0 }],
    [
      'load threads',
      { num_load_threads: 3, num_unload_threads: 4 },
      { numLoadThreads: 3, numUnloadThreads: 4 },
    ],
    ['a part of the GPU', { per_process_gpu_memory_fraction: 0.5 }, { gpuMemoryFraction: 0.5 }],
    ['a device', { device: 'cuda:0', device_fallback: 'cpu' }, { device: 'cuda:0', fallback: 'cpu' }],
    ['several devices', { device: 'cuda:0,cuda:1' }, { device: ['cuda:0', 'cuda:1'] }],
    ['a grace time', { drain_grace_seconds: 1.5 }, { drainGraceMs: 1500 }],
    ['the default grace time', {}, { drainGraceMs: 20_000 }],
  ])('a server with %s', (_what, flags, expected) => {
    expect(settings({ ...model, ...flags }).server).toMatchObject(expected);
  });

  it('0 load threads are as many as the library takes', () => {
    const { server } = settings({ ...model, num_load_threads: 0, num_unload_threads: 0 });
    expect(server).not.toHaveProperty('numLoadThreads');
    expect(server).not.toHaveProperty('numUnloadThreads');
  });

  it.each<[string, FlagValues, object]>([
    ['its name', { model_name: 'digits' }, { name: 'digits', basePath: '/m' }],
    ['the name default', {}, { name: 'default', basePath: '/m' }],
    ['batching', { enable_batching: true }, { batching: {} }],
    ['no batching', { enable_batching: false }, { batching: false }],
    [
      'batching by version',
      { enable_batching: true, enable_per_model_batching_parameters: true },
      { batching: 'file' },
    ],
    ['no warm-up', { enable_model_warmup: false }, { warmup: 'off' }],
    ['warm-up', { enable_model_warmup: true }, { warmup: 'file' }],
    ['iterations', { num_request_iterations_for_warmup: 3 }, { numRequestIterations: 3 }],
    ['intra', { tensorflow_intra_op_parallelism: 2 }, { session: { intraOpNumThreads: 2 } }],
    [
      'both parallelisms',
      { tensorflow_session_parallelism: 3 },
      { session: { intraOpNumThreads: 3, interOpNumThreads: 3, executionMode: 'parallel' } },
    ],
    [
      'one of its own',
      { tensorflow_session_parallelism: 3, tensorflow_inter_op_parallelism: 1 },
      { session: { intraOpNumThreads: 3 } },
    ],
  ])('a model with %s', (_what, flags, expected) => {
    expect(settings({ ...model, ...flags }).server.models?.[0]).toMatchObject(expected);
  });

  it('says nothing of a model for which there is no flag', () => {
    expect(settings(model).server.models).toEqual([{ name: 'default', basePath: '/m' }]);
  });

  it('reads batching parameters: of the model, and of the threads', () => {
    const text =
      'max_batch_size { value: 8 } batch_timeout_micros { value: 500 } num_batch_threads { value: 3 }';
    const { server } = settings(
      { ...model, enable_batching: true, batching_parameters_file: 'b' },
      { batching_parameters_file: text },
    );
    expect(server.numBatchThreads).toBe(3);
    expect(server.models?.[0]?.batching).toEqual({
      maxBatchSize: 8,
      batchTimeoutMicros: 500,
      enableLargeBatchSplitting: false,
    });
  });

  it.each<[string, FlagValues, readonly string[] | undefined, readonly string[] | undefined]>([
    ["TF Serving's ports", {}, ['0.0.0.0:8500'], ['[::]:8501']],
    ['other ports', { port: 1, rest_api_port: 2 }, ['0.0.0.0:1'], ['[::]:2']],
    ['no gRPC', { port: 0 }, undefined, ['[::]:8501']],
    ['no REST', { rest_api_port: 0 }, ['0.0.0.0:8500'], undefined],
    ['a socket beside the port', { grpc_socket_path: '/s' }, ['0.0.0.0:8500', 'unix:/s'], ['[::]:8501']],
    ['a socket alone', { port: 0, rest_api_port: 0, grpc_socket_path: '/s' }, ['unix:/s'], undefined],
    ['addresses', { grpc_address: 'h:0', rest_address: 'unix:/r' }, ['h:0'], ['unix:/r']],
    ['gRPC where both want a port', { port: 8501 }, ['0.0.0.0:8501'], undefined],
  ])('listens on %s', (_what, flags, grpc, rest) => {
    const listeners = settings({ ...model, ...flags });
    expect(listeners.grpc?.addresses).toEqual(grpc);
    expect(listeners.rest?.addresses).toEqual(rest);
  });

  it('tells that REST is off where both want a port', () => {
    expect(settings({ ...model, port: 9, rest_api_port: 9 }).warnings).toEqual([
      'REST is off: its port is 9, which --port has taken for gRPC',
    ]);
  });

  it.each<[string, FlagValues, object]>([
    ['TLS', { ssl_config_file: 's' }, { tls: { configFile: 's' } }],
    ['no health', { enable_grpc_healthcheck_service: false }, { enableHealthService: false }],
    [
      'content',
      { enable_serialization_as_tensor_content: true },
      { enableSerializationAsTensorContent: true },
    ],
    ['checked names', { enable_signature_method_name_check: true }, { enableSignatureMethodNameCheck: true }],
    [
      'arguments, numbers where they are of 32 bits',
      { grpc_channel_arguments: 'grpc.a=1, grpc.b=x=y,grpc.c=3000000000,grpc.d=-1' },
      { channelArguments: { 'grpc.a': 1, 'grpc.b': 'x=y', 'grpc.c': '3000000000', 'grpc.d': -1 } },
    ],
  ])('gRPC with %s', (_what, flags, expected) => {
    expect(settings({ ...model, ...flags }).grpc?.options).toEqual(expected);
  });

  it.each<[string, FlagValues, object]>([
    ['a timeout', { rest_api_timeout_in_ms: 5 }, { timeoutMs: 5 }],
    ['no timeout', { rest_api_timeout_in_ms: 0 }, { timeoutMs: Number.POSITIVE_INFINITY }],
    ['CORS', { rest_api_enable_cors_support: true }, { cors: true }],
    ['checked names', { enable_signature_method_name_check: true }, { enableSignatureMethodNameCheck: true }],
  ])('REST with %s', (_what, flags, expected) => {
    expect(settings({ ...model, ...flags }).rest?.options).toEqual(expected);
  });

  it('reads where metrics are', () => {
    const text = 'prometheus_config { enable: true path: "/m" }';
    const flags = { ...model, monitoring_config_file: 'm' };
    const { rest } = settings(flags, { monitoring_config_file: text });
    expect(rest?.options.metrics).toEqual({ enable: true, path: '/m' });
    const { warnings } = settings({ ...flags, rest_api_port: 0 }, { monitoring_config_file: text });
    expect(warnings).toEqual([
      '--monitoring_config_file has no effect: metrics are had over REST, which is off',
    ]);
  });
});

it('tells that batching by version is nothing without batching', () => {
  expect(settings({ ...model, enable_per_model_batching_parameters: true }).warnings).toEqual([
    '--enable_per_model_batching_parameters has no effect without --enable_batching',
  ]);
});

describe('where models come from', () => {
  it.each<[string, FlagValues, Record<string, string>, string, string]>([
    ['the image', {}, { MODEL_NAME: 'a' }, 'a', '/models/a'],
    ['the image, with its folder', {}, { MODEL_NAME: 'a', MODEL_BASE_PATH: '/x' }, 'a', '/x/a'],
    ['the folder alone', {}, { MODEL_BASE_PATH: '/x' }, 'model', '/x/model'],
    ['a URI', {}, { MODEL_NAME: 'a', MODEL_BASE_PATH: 's3://b/m/' }, 'a', 's3://b/m/a'],
    ['a flag for the name', { model_name: 'b' }, { MODEL_NAME: 'a' }, 'b', '/models/a'],
    ['a flag for the path', { model_base_path: '/y' }, { MODEL_NAME: 'a' }, 'a', '/y'],
  ])('%s', (_what, flags, env, name, basePath) => {
    expect(settings(flags, {}, env).server.models).toEqual([{ name, basePath }]);
  });

  it('a config file, with what flags say of its models', () => {
    const { server, warnings } = settings({
      model_config_file: '/c',
      model_config_file_poll_wait_seconds: 7,
      enable_batching: true,
      model_name: 'x',
      model_base_path: '/y',
    });
    expect(server.models).toBeUndefined();
    expect(server.configFile).toEqual({ path: '/c', pollIntervalMs: 7000, modelDefaults: { batching: {} } });
    expect(warnings).toEqual([
      '--model_name has no effect: --model_config_file says what is served',
      '--model_base_path has no effect: --model_config_file says what is served',
    ]);
  });

  it('--config, whose models say for themselves what flags say for all', () => {
    const { server } = withConfig(
      {
        models: [
          { name: 'a', basePath: '/a' },
          { name: 'b', basePath: '/b', batching: { maxBatchSize: 4 }, session: { memoryPattern: false } },
        ],
      },
      { enable_batching: false, tensorflow_intra_op_parallelism: 2 },
    );
    expect(server.models).toEqual([
      { name: 'a', basePath: '/a', batching: false, session: { intraOpNumThreads: 2 } },
      {
        name: 'b',
        basePath: '/b',
        batching: { maxBatchSize: 4 },
        session: { intraOpNumThreads: 2, memoryPattern: false },
      },
    ]);
  });

  it('a flag for the path of a config file whose defaults --config has', () => {
    const { server } = withConfig(
      { configFile: { pollIntervalMs: 5, modelDefaults: { warmup: 'synthetic' } } },
      { model_config_file: '/c' },
    );
    expect(server.configFile).toEqual({
      path: '/c',
      pollIntervalMs: 5,
      modelDefaults: { warmup: 'synthetic' },
    });
  });
});

describe('--config', () => {
  it('says what no flag can', () => {
    const { server, grpc, rest, lameDuckMs, log } = withConfig({
      models: [{ name: 'a', basePath: '/a', device: 'cuda:0' }],
      numBatchThreads: 3,
      drainGraceMs: 10,
      lameDuckMs: 20,
      grpc: { addresses: ['h:1', 'unix:/s'], reflection: 'off' },
      rest: { addresses: ['h:2'], maxBodyBytes: 5 },
      log: { format: 'json', level: 'warn' },
    });
    expect(server).toEqual({
      models: [{ name: 'a', basePath: '/a', device: 'cuda:0' }],
      numBatchThreads: 3,
      drainGraceMs: 10,
    });
    expect(grpc).toEqual({ addresses: ['h:1', 'unix:/s'], options: { reflection: 'off' } });
    expect(rest).toEqual({ addresses: ['h:2'], options: { maxBodyBytes: 5 } });
    expect({ lameDuckMs, log }).toEqual({ lameDuckMs: 20, log: { format: 'json', level: 'warn' } });
  });

  it('gives way to flags', () => {
    const { grpc, rest, server, log, lameDuckMs } = withConfig(
      {
        models: [],
        pollIntervalMs: 1,
        lameDuckMs: 1,
        drainGraceMs: 1,
        grpc: { addresses: ['h:1'], channelArguments: { a: 1, b: 1 } },
        rest: { addresses: ['h:2'], cors: true },
        log: { format: 'json', level: 'warn' },
      },
      {
        port: 7,
        rest_address: 'h:8',
        grpc_channel_arguments: 'b=2',
        rest_api_enable_cors_support: false,
        file_system_poll_wait_seconds: 2,
        lame_duck_seconds: 3,
        drain_grace_seconds: 4,
        log_format: 'text',
        log_level: 'debug',
      },
    );
    expect(grpc).toEqual({ addresses: ['0.0.0.0:7'], options: { channelArguments: { a: 1, b: 2 } } });
    expect(rest).toEqual({ addresses: ['h:8'], options: { cors: false } });
    expect(server).toMatchObject({ pollIntervalMs: 2000, drainGraceMs: 4000 });
    expect({ lameDuckMs, log }).toEqual({ lameDuckMs: 3000, log: { format: 'text', level: 'debug' } });
  });

  it('turns listeners off', () => {
    const { grpc, rest } = withConfig({ models: [], grpc: false });
    expect(grpc).toBeUndefined();
    expect(rest?.addresses).toEqual(['[::]:8501']);
  });
});

describe('a flag of TensorFlow Serving that means nothing here', () => {
  it('is told of in one line', () => {
    expect(settings({ ...model, saved_model_tags: 'gpu', num_tflite_pools: 2 }).warnings).toEqual([
      '--saved_model_tags has no effect: it is about SavedModels',
      '--num_tflite_pools has no effect: it is about TensorFlow Lite',
    ]);
  });

  it('is not told of where it asks for nothing', () => {
    const flags = {
      ...model,
      saved_model_tags: 'serve',
      enable_profiler: false,
      use_alts_credentials: false,
    };
    expect(settings(flags).warnings).toEqual([]);
  });
});

describe('what is refused', () => {
  it.each<[string, FlagValues, FileTexts, string]>([
    [
      'nothing to serve',
      {},
      {},
      'Both server_options.model_base_path and server_options.model_config_file are empty! ' +
        'Expected --model_base_path, --model_config_file, or models in --config',
    ],
    [
      'nothing to listen on',
      { ...model, port: 0, rest_api_port: 0 },
      {},
      'At least one of server_options.grpc_port or server_options.grpc_socket_path must be set. ' +
        'Expected --port, --grpc_socket_path or --rest_api_port',
    ],
    [
      'batching parameters without batching',
      { ...model, batching_parameters_file: 'b' },
      { batching_parameters_file: '' },
      'server_options.batching_parameters_file is set without setting server_options.enable_batching to true.',
    ],
    [
      'ALTS with TLS',
      { ...model, use_alts_credentials: true, ssl_config_file: 's' },
      {},
      'Either use_alts_credentials must be false or ssl_config_file must be empty.',
    ],
    [
      'ALTS',
      { ...model, use_alts_credentials: true },
      {},
      'Cannot use --use_alts_credentials: gRPC for Node has no ALTS; expected --ssl_config_file, or neither',
    ],
    [
      'three parallelisms',
      {
        ...model,
        tensorflow_session_parallelism: 1,
        tensorflow_intra_op_parallelism: 1,
        tensorflow_inter_op_parallelism: 1,
      },
      {},
      'Cannot use --tensorflow_session_parallelism beside --tensorflow_intra_op_parallelism and ' +
        '--tensorflow_inter_op_parallelism: it stands for both',
    ],
    ['a port that is none', { ...model, port: 65_536 }, {}, 'Cannot use --port 65536: expected 0 to 65535'],
    [
      'a REST port that is none',
      { ...model, rest_api_port: -1 },
      {},
      'Cannot use --rest_api_port -1: expected 0 to 65535',
    ],
    [
      'an address and a port',
      { ...model, grpc_address: 'h:1', port: 1 },
      {},
      'Cannot use --grpc_address beside --port: expected one of the two',
    ],
    [
      'an address and a REST port',
      { ...model, rest_address: 'h:1', rest_api_port: 1 },
      {},
      'Cannot use --rest_address beside --rest_api_port: expected one of the two',
    ],
    [
      'channel arguments without a value',
      { ...model, grpc_channel_arguments: 'a=1,b' },
      {},
      'Cannot use --grpc_channel_arguments "a=1,b": got "b", expected name=value',
    ],
    [
      'never looking for versions',
      { ...model, file_system_poll_wait_seconds: -1 },
      {},
      'Cannot use --file_system_poll_wait_seconds -1: no version would ever be found; expected 0 or more',
    ],
    [
      'a negative time',
      { ...model, lame_duck_seconds: -1 },
      {},
      'Cannot use --lame_duck_seconds -1: expected 0 or more',
    ],
    [
      'a fallback that is none',
      { ...model, device_fallback: 'gpu' },
      {},
      'Cannot use --device_fallback "gpu": expected one of fail, cpu',
    ],
    [
      'a log format that is none',
      { ...model, log_format: 'xml' },
      {},
      'Cannot use --log_format "xml": expected one of text, json',
    ],
    [
      'a log level that is none',
      { ...model, log_level: 'loud' },
      {},
      'Cannot use --log_level "loud": expected one of debug, info, warn, error',
    ],
    [
      'a batching parameters file that is none',
      { ...model, enable_batching: true, batching_parameters_file: 'b.txt' },
      { batching_parameters_file: 'max_batch_size: 3' },
      "Invalid protobuf file: 'b.txt': ",
    ],
    [
      'a monitoring config that is none',
      { ...model, monitoring_config_file: 'm.txt' },
      { monitoring_config_file: 'prometheus' },
      "Invalid protobuf file: 'm.txt': ",
    ],
    [
      'a --config that is no JSON',
      { config: 'c.json' },
      { config: '{' },
      "Cannot read --config 'c.json': it is no JSON",
    ],
    [
      'a --config that is no object',
      { config: 'c.json' },
      { config: '[]' },
      'Cannot use option c.json: got []',
    ],
    [
      'an unknown option',
      { config: 'c' },
      { config: '{"model":1}' },
      'Unknown option model, expected one of models',
    ],
    [
      'options that are for code',
      { config: 'c' },
      { config: '{"logger":{}}' },
      'Unknown option logger, expected one of models',
    ],
    [
      'addresses that are none',
      { config: 'c' },
      { config: '{"models":[],"grpc":{"addresses":"h:1"}}' },
      'Cannot use option grpc.addresses: got "h:1", expected an array of addresses',
    ],
    [
      'an address that is none',
      { config: 'c' },
      { config: '{"models":[],"rest":{"addresses":[1]}}' },
      'Cannot use option rest.addresses[0]: got 1, expected a string that is not empty',
    ],
    [
      'a log of --config that is none',
      { config: 'c' },
      { config: '{"models":[],"log":{"level":"loud"}}' },
      'Cannot use option log.level: got "loud", expected one of "debug"',
    ],
    [
      'models of --config beside a flag',
      { config: 'c', model_base_path: '/m' },
      { config: '{"models":[]}' },
      'Cannot serve models of --config beside --model_base_path: expected one of the two',
    ],
    [
      'models of --config beside a config file',
      { config: 'c', model_config_file: '/m' },
      { config: '{"models":[]}' },
      'Cannot serve models of --config beside --model_config_file: expected one of the two',
    ],
  ])('%s', (_what, flags, texts, message) => {
    expect(refusal(() => settings(flags, texts))).toContain(message);
  });
});
