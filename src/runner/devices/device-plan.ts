import type { ArenaPlace } from '../ort/arena.js';
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
  /** True where nothing else may run on the device at the same time. */
  readonly isExclusive: boolean;
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
  const plan = { device, kind, index, isOnHost: kind === 'cpu', isExclusive: kind === 'webgpu' };
  switch (kind) {
    case 'cpu':
      return { ...plan, place: 'cpu', providers: [] };
    case 'cuda':
    case 'tensorrt': {
      const memory = { limitBytes: options.gpuMemoryLimitBytes, allowGrowth };
      // What TensorRT does not take, CUDA does; its own options come when the model is known.
      return {
        ...plan,
        place: `cuda:${index}`,
        providers: [cudaProvider(index, options.cuda ?? {}, memory)],
      };
    }
    case 'dml':
      return { ...plan, providers: [{ name: kind, options: { device_id: String(index) } }] };
    case 'webgpu':
    case 'coreml':
      return { ...plan, providers: [{ name: kind }] };
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
    isExclusive: names.includes('webgpu'),
  };
}

/** How many operators each provider runs, by the names that our users write. */
export function inShort(nodes: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(nodes).map(([name, count]) => [shortNames.get(name) ?? name, count]),
  );
}

/** Whether a device has none of a model's operators, although there are some. */
export function runsNothing(
  { kind, providers }: DevicePlan,
  nodes: Readonly<Record<string, number>>,
): boolean {
  const wanted = kind === 'providers' ? providers.map(({ name }) => name.toLowerCase()) : [kind];
  const own = wanted.filter((name) => !hostProviders.includes(name));
  const counts = Object.entries(nodes);
  const isOwn = (name: string) => own.some((each) => each === name.toLowerCase());
  return own.length > 0 && counts.length > 0 && !counts.some(([name, count]) => isOwn(name) && count > 0);
}
