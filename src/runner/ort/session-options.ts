import koffi from 'koffi';
import { ServingError } from '../../core/errors.js';
import type { ProviderOptions, SessionOptions } from '../session-options.js';
import { type OrtApi, OutWord, type Pointer } from './c-api.js';

/** `GraphOptimizationLevel` and `ExecutionMode` by our names. Source: onnxruntime_c_api.h. */
const optimizationLevels = { disabled: 0, basic: 1, extended: 2, layout: 3, all: 99 } as const;
const executionModes = { sequential: 0, parallel: 1 } as const;

/** The names under which `SessionOptionsAppendExecutionProvider` knows the providers that our users may write. */
const genericProviderNames: Readonly<Record<string, string>> = {
  coreml: 'CoreML',
  dml: 'DML',
  openvino: 'OpenVINO',
  qnn: 'QNN',
  vitisai: 'VitisAI',
  webgpu: 'WebGPU',
  xnnpack: 'XNNPACK',
};

/**
 * Builds native session options; the caller releases them.
 *
 * @throws OrtError where onnxruntime refuses a value; ServingError FAILED_PRECONDITION for a provider that this build
 *   of onnxruntime does not have.
 */
export function createSessionOptions(api: OrtApi, options: SessionOptions): Pointer {
  const out = new OutWord();
  api.CreateSessionOptions(out.memory);
  const native = out.pointer;
  try {
    applySessionOptions(api, native, options);
    return native;
  } catch (error) {
    api.ReleaseSessionOptions(native);
    throw error;
  }
}

function applySessionOptions(api: OrtApi, native: Pointer, options: SessionOptions): void {
  api.SetIntraOpNumThreads(native, options.intraOpNumThreads ?? 1);
  api.SetInterOpNumThreads(native, options.interOpNumThreads ?? 1);
  api.SetSessionExecutionMode(native, executionModes[options.executionMode ?? 'sequential']);
  api.SetSessionGraphOptimizationLevel(native, optimizationLevels[options.graphOptimization ?? 'all']);
  api.SetSessionLogSeverityLevel(native, options.logSeverity ?? 4);
  if (options.memoryPattern === false) api.DisableMemPattern(native);
  if (options.cpuArena === false) api.DisableCpuMemArena(native);
  const spinning = options.allowSpinning === true ? '1' : '0';
  api.AddSessionConfigEntry(native, 'session.intra_op.allow_spinning', spinning);
  api.AddSessionConfigEntry(native, 'session.inter_op.allow_spinning', spinning);
  for (const [key, value] of Object.entries(options.configEntries ?? {})) {
    api.AddSessionConfigEntry(native, key, value);
  }
  for (const [name, size] of Object.entries(options.freeDimensions ?? {})) {
    api.AddFreeDimensionOverrideByName(native, name, BigInt(size));
  }
  for (const provider of options.providers ?? []) {
    appendProvider(api, native, typeof provider === 'string' ? { name: provider } : provider);
  }
}

/** Providers whose options are an object that is made, filled, used and given back, by functions of their own. */
const objectProviders = {
  cuda: {
    create: 'CreateCUDAProviderOptions',
    update: 'UpdateCUDAProviderOptions',
    append: 'SessionOptionsAppendExecutionProvider_CUDA_V2',
    release: 'ReleaseCUDAProviderOptions',
  },
  tensorrt: {
    create: 'CreateTensorRTProviderOptions',
    update: 'UpdateTensorRTProviderOptions',
    append: 'SessionOptionsAppendExecutionProvider_TensorRT_V2',
    release: 'ReleaseTensorRTProviderOptions',
  },
} as const;

function appendByObject(
  api: OrtApi,
  native: Pointer,
  { create, update, append, release }: (typeof objectProviders)[keyof typeof objectProviders],
  keys: NativeStrings,
  values: NativeStrings,
): void {
  const out = new OutWord();
  api[create](out.memory);
  const options = out.pointer;
  try {
    api[update](options, keys.pointers, values.pointers, keys.length);
    api[append](native, options);
  } finally {
    api[release](options);
  }
}

function appendProvider(api: OrtApi, native: Pointer, provider: ProviderOptions): void {
  const entries = Object.entries(provider.options ?? {});
  const keys = new NativeStrings(entries.map(([key]) => key));
  const values = new NativeStrings(entries.map(([, value]) => value));
  try {
    switch (provider.name) {
      case 'cpu':
        break; // always the last resort, without being named
      case 'cuda':
      case 'tensorrt':
        appendByObject(api, native, objectProviders[provider.name], keys, values);
        break;
      default: {
        const name = genericProviderNames[provider.name] ?? provider.name;
        api.SessionOptionsAppendExecutionProvider(
          native,
          name,
          keys.pointers,
          values.pointers,
          entries.length,
        );
      }
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServingError(
      'FAILED_PRECONDITION',
      `Cannot use execution provider "${provider.name}": ${reason}`,
      {
        actual: provider.name,
        cause,
      },
    );
  } finally {
    keys.free();
    values.free();
  }
}

/** A `const char * const *`: text copied into native memory for as long as a call needs it. */
class NativeStrings {
  readonly pointers: BigUint64Array;
  readonly length: number;

  constructor(strings: readonly string[]) {
    this.length = strings.length;
    this.pointers = BigUint64Array.from(strings, (text) => {
      const bytes = Buffer.from(`${text}\0`);
      const memory: Pointer = koffi.alloc('char', bytes.length);
      koffi.encode(memory, 'char', bytes, bytes.length);
      return memory;
    });
  }

  free(): void {
    for (const memory of this.pointers) koffi.free(memory);
  }
}
