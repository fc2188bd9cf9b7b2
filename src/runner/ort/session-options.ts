import { ServingError } from '../../core/errors.js';
import type { PlacedSessionOptions, ProviderOptions } from '../session-options.js';
import { type OrtApi, OutWord, type Pointer } from './c-api.js';
import { withKeyValues } from './native-strings.js';
import { appendPlugin } from './plugin-provider.js';

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
 * @param environment is asked for the providers of plugins; without it there are none
 * @throws OrtError where onnxruntime refuses a value; ServingError FAILED_PRECONDITION for a provider that this build
 *   of onnxruntime does not have.
 */
export function createSessionOptions(
  api: OrtApi,
  options: PlacedSessionOptions,
  environment?: Pointer,
): Pointer {
  const out = new OutWord();
  api.CreateSessionOptions(out.memory);
  const native = out.pointer;
  try {
    applySessionOptions(api, native, options, environment);
    return native;
  } catch (error) {
    api.ReleaseSessionOptions(native);
    throw error;
  }
}

function applySessionOptions(
  api: OrtApi,
  native: Pointer,
  options: PlacedSessionOptions,
  environment: Pointer | undefined,
): void {
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
    appendProvider(api, native, typeof provider === 'string' ? { name: provider } : provider, environment);
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
  entries: Readonly<Record<string, string>>,
): void {
  const out = new OutWord();
  api[create](out.memory);
  const options = out.pointer;
  try {
    withKeyValues(entries, (keys, values, length) => api[update](options, keys, values, length));
    api[append](native, options);
  } finally {
    api[release](options);
  }
}

function appendProvider(
  api: OrtApi,
  native: Pointer,
  { name, options = {}, library }: ProviderOptions,
  environment: Pointer | undefined,
): void {
  try {
    if (library !== undefined && environment !== undefined) {
      appendPlugin(api, environment, native, { name, options, library });
      return;
    }
    switch (name) {
      case 'cpu':
        break; // always the last resort, without being named
      case 'cuda':
      case 'tensorrt':
        appendByObject(api, native, objectProviders[name], options);
        break;
      case 'dml':
        api.DisableMemPattern(native); // it takes none
        appendByName(api, native, name, options);
        break;
      default:
        appendByName(api, native, name, options);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ServingError('FAILED_PRECONDITION', `Cannot use execution provider "${name}": ${reason}`, {
      actual: name,
      cause,
    });
  }
}

function appendByName(
  api: OrtApi,
  native: Pointer,
  name: string,
  entries: Readonly<Record<string, string>>,
): void {
  withKeyValues(entries, (keys, values, length) => {
    api.SessionOptionsAppendExecutionProvider(
      native,
      genericProviderNames[name] ?? name,
      keys,
      values,
      length,
    );
  });
}
