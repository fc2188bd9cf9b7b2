import koffi from 'koffi';
import type { DeviceOptions } from 'servable';
import { describe, expect, it } from 'vitest';
import { planDevices } from '#dist/runner/devices/device-plan.js';
import { tensorRtProvider } from '#dist/runner/devices/tensorrt/tensorrt-provider.js';
import { openArena, shrinkEntries } from '#dist/runner/ort/arena.js';
import { createSessionOptions } from '#dist/runner/ort/session-options.js';
import { type RecordedCall, recordingApi } from '../../support/recording-api.js';

const growing = { allowGrowth: true };
const environment = 7n;

/** What the providers of a device are told, through the C API. */
function callsFor(options: DeviceOptions, plan = growing): RecordedCall[] {
  const { api, calls } = recordingApi();
  const [first] = planDevices(options, plan);
  createSessionOptions(api, { providers: first?.providers ?? [] }, environment);
  return calls.filter(([name]) => /Provider/.test(name));
}

/** The keys and values of the only update among these calls. */
function optionsIn(calls: readonly RecordedCall[]): Record<string, string> {
  const [, , keys, values, count] = calls.find(([name]) => name.startsWith('Update')) as RecordedCall;
  expect(count).toBe((keys as string[]).length);
  return Object.fromEntries(
    (keys as string[]).map((key, index) => [key, (values as string[])[index] as string]),
  );
}

describe('CUDA', () => {
  it('is appended with an object of options that is made, filled, used and given back', () => {
    expect(callsFor({ device: 'cuda:1' })).toEqual([
      ['CreateCUDAProviderOptions'],
      [
        'UpdateCUDAProviderOptions',
        'CUDAProviderOptions#1',
        ['device_id', 'arena_extend_strategy'],
        ['1', 'kSameAsRequested'],
        2,
      ],
      ['SessionOptionsAppendExecutionProvider_CUDA_V2', 'SessionOptions#1', 'CUDAProviderOptions#1'],
      ['ReleaseCUDAProviderOptions', 'CUDAProviderOptions#1'],
    ]);
  });

  it.each<[string, DeviceOptions, Record<string, string>]>([
    ['a limit of the model’s own', { gpuMemoryLimitBytes: 2 ** 31 }, { gpu_mem_limit: '2147483648' }],
    [
      'a search of kernels that asks cuDNN',
      { cuda: { convSearch: 'heuristic' } },
      { cudnn_conv_algo_search: 'HEURISTIC' },
    ],
    [
      'a search that measures all',
      { cuda: { convSearch: 'exhaustive' } },
      { cudnn_conv_algo_search: 'EXHAUSTIVE' },
    ],
    ['no search', { cuda: { convSearch: 'default' } }, { cudnn_conv_algo_search: 'DEFAULT' }],
    ['a bounded workspace', { cuda: { convMaxWorkspace: false } }, { cudnn_conv_use_max_workspace: '0' }],
    ['TF32', { cuda: { tf32: true } }, { use_tf32: '1' }],
    ['no TF32', { cuda: { tf32: false } }, { use_tf32: '0' }],
    ['channels last', { cuda: { preferNhwc: true } }, { prefer_nhwc: '1' }],
    ['graphs', { cuda: { graphs: true } }, { enable_cuda_graph: '1' }],
  ])('is told of %s', (_, options, expected) => {
    const base = { device_id: '0', arena_extend_strategy: 'kSameAsRequested' };
    expect(optionsIn(callsFor({ device: 'cuda:0', ...options }))).toEqual({ ...base, ...expected });
  });

  it('takes memory by doubling where it is not to grow as it is asked', () => {
    const calls = callsFor({ device: 'cuda:0' }, { allowGrowth: false });
    expect(optionsIn(calls)).toMatchObject({ arena_extend_strategy: 'kNextPowerOfTwo' });
  });

  it('gives its options back where onnxruntime refuses them, and says which provider it was', () => {
    const { api, calls } = recordingApi({
      UpdateCUDAProviderOptions: () => {
        throw new Error('unknown key');
      },
    });
    const providers = [{ name: 'cuda', options: { nonesuch: '1' } }];
    expect(() => createSessionOptions(api, { providers })).toThrow(
      'Cannot use execution provider "cuda": unknown key',
    );
    expect(calls.slice(-2).map(([name]) => name)).toEqual([
      'ReleaseCUDAProviderOptions',
      'ReleaseSessionOptions',
    ]);
  });
});

describe('TensorRT', () => {
  const ranges = {
    pixels: { min: [1, 64], opt: [32, 64], max: [32, 64] },
    ids: { min: [1, 8], opt: [32, 8], max: [32, 8] },
  };
  const told = { ranges, engineFolder: '/cache/abc', timingFolder: '/cache' };
  const optionsOf = (...args: Parameters<typeof tensorRtProvider>) => {
    const { api, calls } = recordingApi();
    createSessionOptions(api, { providers: [tensorRtProvider(...args)] });
    expect(calls.map(([name]) => name)).toContain('SessionOptionsAppendExecutionProvider_TensorRT_V2');
    expect(calls.map(([name]) => name)).toContain('ReleaseTensorRTProviderOptions');
    return optionsIn(calls);
  };
  const shapes = {
    trt_profile_min_shapes: 'pixels:1x64,ids:1x8',
    trt_profile_opt_shapes: 'pixels:32x64,ids:32x8',
    trt_profile_max_shapes: 'pixels:32x64,ids:32x8',
  };
  const caches = {
    trt_engine_cache_enable: '1',
    trt_engine_cache_path: '/cache/abc',
    trt_timing_cache_enable: '1',
    trt_timing_cache_path: '/cache',
  };

  it('is told the shapes of every input, and where engines and timings are kept', () => {
    expect(optionsOf(2, {}, told)).toEqual({ device_id: '2', ...caches, ...shapes });
  });

  it('is told of precisions, scratch memory and how long to search', () => {
    const options = {
      fp16: true,
      int8: { calibrationTable: 'calibration.flatbuffers' },
      workspaceBytes: 2 ** 30,
      builderOptimizationLevel: 5,
    } as const;
    expect(optionsOf(0, options, told)).toEqual({
      device_id: '0',
      trt_fp16_enable: '1',
      trt_int8_enable: '1',
      trt_int8_calibration_table_name: 'calibration.flatbuffers',
      trt_int8_use_native_calibration_table: '0',
      trt_max_workspace_size: '1073741824',
      trt_builder_optimization_level: '5',
      ...caches,
      ...shapes,
    });
  });

  it('is told of no folder and no shapes where there are none', () => {
    expect(optionsOf(0, { fp16: false }, { ranges: {} })).toEqual({ device_id: '0', trt_fp16_enable: '0' });
  });

  it('comes before CUDA, which runs what it does not', () => {
    const { api, calls } = recordingApi();
    const [plan] = planDevices({ device: 'tensorrt:0', cuda: { tf32: false } }, growing);
    createSessionOptions(api, { providers: [tensorRtProvider(0, {}, told), ...(plan?.providers ?? [])] });
    const appended = calls.map(([name]) => name).filter((name) => name.includes('Append'));
    expect(appended).toEqual([
      'SessionOptionsAppendExecutionProvider_TensorRT_V2',
      'SessionOptionsAppendExecutionProvider_CUDA_V2',
    ]);
  });
});

describe('other providers', () => {
  it.each<[DeviceOptions['device'] & {}, RecordedCall]>([
    ['webgpu', ['SessionOptionsAppendExecutionProvider', 'SessionOptions#1', 'WebGPU', [], [], 0]],
    ['coreml', ['SessionOptionsAppendExecutionProvider', 'SessionOptions#1', 'CoreML', [], [], 0]],
    ['dml:1', ['SessionOptionsAppendExecutionProvider', 'SessionOptions#1', 'DML', ['device_id'], ['1'], 1]],
    [
      { providers: [{ name: 'openvino', options: { device_type: 'GPU', num_streams: '2' } }] },
      [
        'SessionOptionsAppendExecutionProvider',
        'SessionOptions#1',
        'OpenVINO',
        ['device_type', 'num_streams'],
        ['GPU', '2'],
        2,
      ],
    ],
  ])('%j is appended by its name', (device, call) => {
    expect(callsFor({ device })).toEqual([call]);
  });

  it('the CPU is not appended: it is always there', () => {
    expect(callsFor({ device: 'cpu' })).toEqual([]);
    expect(callsFor({ device: { providers: ['cpu'] } })).toEqual([]);
  });

  it('a DML session keeps no memory pattern, which that provider does not take', () => {
    const { api, calls } = recordingApi();
    const [plan] = planDevices({ device: 'dml' }, growing);
    createSessionOptions(api, { providers: plan?.providers ?? [] });
    expect(calls).toContainEqual(['DisableMemPattern', 'SessionOptions#1']);
  });
});

describe('a plugin', () => {
  const device = {
    providers: [{ name: 'AcmeProvider', options: { tier: '2' }, library: '/opt/libacme.so' }],
  };

  it('is loaded into the environment, and appended by the device that has the provider', () => {
    const names = new Map([
      [41n, 'CPUExecutionProvider'],
      [42n, 'AcmeProvider'],
    ]);
    const list = BigUint64Array.of(41n, 42n);
    const { api, calls } = recordingApi({
      GetEpDevices: (_environment, out: BigUint64Array) => {
        out[0] = addressOf(list);
        return 2n;
      },
      EpDevice_EpName: (each: bigint) => names.get(each),
    });
    const [plan] = planDevices({ device }, growing);
    createSessionOptions(api, { providers: plan?.providers ?? [] }, environment);
    expect(calls).toContainEqual([
      'RegisterExecutionProviderLibrary',
      7n,
      '/opt/libacme.so',
      '/opt/libacme.so',
    ]);
    expect(calls).toContainEqual([
      'SessionOptionsAppendExecutionProvider_V2',
      'SessionOptions#1',
      7n,
      [42n],
      1,
      ['tier'],
      ['2'],
      1,
    ]);
  });
});

describe('an arena', () => {
  const limitBytes = 3 * 2 ** 30;
  const stats = (bytes: number) => ({
    GetKeyValue: (_pairs: bigint, key: string) => (key === 'Limit' ? `${bytes}` : '0'),
    SessionGetInputCount: () => 0n,
    SessionGetOutputCount: () => 0n,
    SessionGetOverridableInitializerCount: () => 0n,
    ...Object.fromEntries(
      ['ProducerName', 'GraphName', 'Description', 'Domain', 'Version', 'CustomMetadataMapKeys'].map(
        (what) => [
          `ModelMetadataGet${what}`,
          (...args: BigUint64Array[]) => {
            if (what === 'CustomMetadataMapKeys') (args.at(-2) as BigUint64Array)[0] = 0n;
            return 0n;
          },
        ],
      ),
    ),
  });

  it('of a GPU is registered with the environment, with its limit and how it grows', () => {
    const { api, calls } = recordingApi(stats(limitBytes));
    openArena(api, environment, { place: 'cuda:1', limitBytes, allowGrowth: true });
    const begin = calls.findIndex(([name]) => name === 'CreateMemoryInfo');
    const trial = calls.slice(0, begin).map(([name]) => name);
    expect(trial).toContain('SessionOptionsAppendExecutionProvider_CUDA_V2');
    expect(trial).toContain('ReleaseSession');
    const steps = calls
      .slice(begin)
      .filter(([name]) => /Arena|Allocator$|AllocatorV2|MemoryInfo|Update/.test(name));
    expect(steps).toEqual([
      ['CreateMemoryInfo', 'Cuda', 1, 1, 0],
      ['CreateArenaCfgV2', ['max_mem', 'arena_extend_strategy'], [BigInt(limitBytes), 1n], 2],
      [
        'CreateAndRegisterAllocatorV2',
        7n,
        'CUDAExecutionProvider',
        'MemoryInfo#1',
        'ArenaCfgV2#1',
        null,
        null,
        0,
      ],
      ['ReleaseArenaCfg', 'ArenaCfgV2#1'],
      ['UpdateCUDAProviderOptions', 'CUDAProviderOptions#2', ['device_id'], ['1'], 1],
      ['CreateAllocator', expect.stringMatching(/^Session/), 'MemoryInfo#1'],
    ]);
    expect(calls).toContainEqual([
      'AddSessionConfigEntry',
      'SessionOptions#2',
      'session.use_env_allocators',
      '1',
    ]);
  });

  it('that something else has replaced is refused, and all of it given back', () => {
    const { api, calls } = recordingApi(stats(5));
    expect(() => openArena(api, environment, { place: 'cpu', limitBytes, allowGrowth: false })).toThrow(
      'The arena of cpu is limited to 5 bytes, expected 3221225472',
    );
    const names = calls.map(([name]) => name);
    for (const name of ['ReleaseSession', 'UnregisterAllocator', 'ReleaseMemoryInfo'])
      expect(names).toContain(name);
  });

  it('is shrunk by an entry of a run', () => {
    expect(shrinkEntries('cuda:2')).toEqual({ 'memory.enable_memory_arena_shrinkage': 'gpu:2' });
    expect(shrinkEntries('cpu')).toEqual({ 'memory.enable_memory_arena_shrinkage': 'cpu:0' });
  });
});

function addressOf(words: BigUint64Array): bigint {
  return koffi.address(words);
}
