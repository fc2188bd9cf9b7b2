import type { ArenaPlace } from '../ort/memory-info.js';
import type { ProviderOptions } from '../session-options.js';
import { cudaProvider } from './cuda-options.js';
import { type DeviceKind, parseDevice } from './device-name.js';
import type { DeviceOptions, ProviderList } from './device-options.js';

/** How a session is made on one device. */
export interface DevicePlan {
  /** As it is called: `cuda:0`, or the providers of a list, `openvino+cpu`. */
  readonly device: string;
  readonly kind: DeviceKind | 'providers';
  /** Among several of its kind. */
  readonly index: number;
  /** Whose memory it takes, where that can be limited. */
  readonly place?: ArenaPlace;
  readonly providers: readonly ProviderOptions[];
  /** True where it has no memory but the host's. */
  readonly isOnHost: boolean;
  /** Whether its runs are recorded and replayed. */
  readonly isRecorded?: boolean;
  /** Among what it must run alone: all sessions of the process on such a device, or the runs of its own session. */
  readonly isAloneIn?: 'process' | 'session';
}

export interface PlanOptions {
  readonly allowGrowth: boolean;
}

/** The full names that onnxruntime has for the providers that our users may write. */
const fullNames: Readonly<Record<string, string>> = {
  cpu: 'CPUExecutionProvider',
  cuda: 'CUDAExecutionProvider',
  tensorrt: 'TensorrtExecutionProvider',
  webgpu: 'WebGpuExecutionProvider',
  coreml: 'CoreMLExecutionProvider',
  dml: 'DmlExecutionProvider',
  openvino: 'OpenVINOExecutionProvider',
  qnn: 'QNNExecutionProvider',
  xnnpack: 'XnnpackExecutionProvider',
};
const shortNames = new Map(Object.entries(fullNames).map(([short, full]) => [full, short]));

/** Execution providers that have no memory but the host's. */
const hostProviders: readonly string[] = ['cpu', 'xnnpack'];

/** One plan for each device of a model, in its order. */
export function planDevices(options: DeviceOptions, { allowGrowth }: PlanOptions): readonly DevicePlan[] {
  const { device = 'cpu' } = options;
  if (typeof device === 'object' && 'providers' in device) return [planProviders(device)];
  const names = typeof device === 'string' ? [device] : device;
  return names.map((name) => planDevice(name, options, allowGrowth));
}

function planDevice(name: string, options: DeviceOptions, allowGrowth: boolean): DevicePlan {
  const parsed = parseDevice(name);
  if (parsed === undefined) return planProviders({ providers: [name] });
  const { kind, index, name: device } = parsed;
  const plan = { device, kind, index, isOnHost: kind === 'cpu' };
  switch (kind) {
    case 'cpu':
      return { ...plan, place: 'cpu', providers: [] };
    case 'cuda':
    case 'tensorrt': {
      // Recordings are of sessions that CUDA runs all of.
      const cudaOptions = kind === 'cuda' ? (options.cuda ?? {}) : { ...options.cuda, graphs: false };
      const memory = { limitBytes: options.gpuMemoryLimitBytes, allowGrowth };
      // What TensorRT does not take, CUDA does; its own options come when the model is known.
      return {
        ...plan,
        place: `cuda:${index}`,
        ...(kind === 'cuda' && options.cuda?.graphs && { isRecorded: true }),
        providers: [cudaProvider(index, cudaOptions, memory)],
      };
    }
    case 'dml': {
      const providers = [{ name: kind, options: { device_id: String(index) } }];
      return { ...plan, ...aloneIn(kind), providers };
    }
    case 'webgpu':
    case 'coreml':
      return { ...plan, ...aloneIn(kind), providers: [{ name: kind }] };
    default:
      return kind satisfies never;
  }
}

function planProviders({ providers }: ProviderList): DevicePlan {
  const all = providers.map((each) => (typeof each === 'string' ? { name: each } : each));
  const names = all.map(({ name }) => name.toLowerCase());
  const isOnHost = names.every((name) => hostProviders.includes(name));
  return {
    device: names.length === 0 ? 'cpu' : names.join('+'),
    kind: 'providers',
    index: 0,
    ...(isOnHost && { place: 'cpu' as const }),
    providers: all,
    isOnHost,
    ...aloneIn(...names),
  };
}

/**
 * Which runs must not overlap. WebGPU's sessions share one context. DirectML's run one request at a time each (source:
 * onnxruntime, docs/execution-providers/DirectML-ExecutionProvider.md).
 */
function aloneIn(...providers: readonly string[]): Pick<DevicePlan, 'isAloneIn'> {
  if (providers.includes('webgpu')) return { isAloneIn: 'process' };
  return providers.includes('dml') ? { isAloneIn: 'session' } : {};
}

/** How many operators each provider runs, by the names that our users write. */
export function inShort(nodes: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(nodes).map(([name, count]) => [shortNames.get(name) ?? name, count]),
  );
}

/** Whether all operators that are counted, and there are some, are the CPU's. */
export function isOfHostAlone(nodes: Readonly<Record<string, number>>): boolean {
  const counted = Object.entries(inShort(nodes)).filter(([, count]) => count > 0);
  return counted.length > 0 && counted.every(([name]) => hostProviders.includes(name));
}
