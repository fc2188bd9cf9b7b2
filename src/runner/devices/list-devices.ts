import { OrtEngine } from '../engine.js';
import type { ProviderOptions } from '../session-options.js';
import type { DeviceName } from './device-name.js';
import type { GpuReading, NvidiaLibraries } from './nvidia/nvml.js';
import { type Remedy, remedyFor } from './remedies.js';

/** A device that models may name, whether it can be used here, and what stands in the way. Plain data. */
export interface DeviceReport {
  /** As models name it. A kind of device of which there is none here is named without an index: `cuda`. */
  readonly device: DeviceName;
  /** Whether a session was made on it just now. */
  readonly isAvailable: boolean;
  /** All that stands in the way; empty where nothing does. */
  readonly problems: readonly Remedy[];
  /** Of a GPU: what it is called, its driver, and what it has to do. */
  readonly gpu?: DeviceGpu;
}

/** A GPU, as far as its driver tells. */
export interface DeviceGpu extends Partial<GpuReading> {
  /** What its maker calls it: `NVIDIA H200`. */
  readonly name: string;
  /** `GPU-…`, by which `CUDA_VISIBLE_DEVICES` may name it, too. */
  readonly uuid: string;
  /** The version of NVIDIA's driver. */
  readonly driverVersion: string;
  /** The newest CUDA that the driver runs. */
  readonly cudaVersion: string;
}

/** How devices are looked for. */
export interface ListDevicesOptions {
  /** @internal Where NVIDIA's libraries are, for tests. */
  readonly nvidiaLibraries?: NvidiaLibraries;
}

/**
 * Tries every kind of device, off the event loop: makes a session of one operator on each. Takes up to a second or two where
 * CUDA is started for it; nothing is left running afterwards.
 *
 * @throws ServingError FAILED_PRECONDITION where onnxruntime itself cannot be loaded.
 *
 * @example
 * ```ts
 * import { listDevices } from 'servable';
 *
 * for (const { device, isAvailable, problems } of await listDevices()) {
 *   if (!isAvailable) continue; // problems: [{ reason: 'CUDA 12 is missing …', fix: 'apt-get install …' }]
 *   if (device === 'cpu') console.log(device, problems.length); // cpu 0
 * }
 * ```
 */
export async function listDevices(options: ListDevicesOptions = {}): Promise<readonly DeviceReport[]> {
  const engine = new OrtEngine({ numBatchThreads: 1, numLoadThreads: 1, ...options });
  engine.start();
  try {
    return [
      { device: 'cpu', isAvailable: true, problems: [] },
      ...(await nvidiaReports(engine)),
      await report(engine, 'webgpu', [{ name: 'webgpu' }]),
      await report(engine, 'coreml', [{ name: 'coreml' }]),
      await report(engine, 'dml', [{ name: 'dml' }]),
    ];
  } finally {
    await engine.close();
  }
}

const nvidiaKinds = ['cuda', 'tensorrt'] as const;

async function nvidiaReports(engine: OrtEngine): Promise<readonly DeviceReport[]> {
  const found = await engine.gpus().catch((error: Error) => error);
  if (found instanceof Error || found.gpus.length === 0) {
    const missing = toRemedy(found instanceof Error ? found : new Error('no CUDA-capable device'));
    return inOrder(nvidiaKinds, (kind) => report(engine, kind, [{ name: kind }], [missing]));
  }
  const { driverVersion, cudaVersion, gpus } = found;
  const reports = await inOrder(gpus, async (gpu) => {
    const { name, uuid, index } = gpu;
    const facts = { name, uuid, driverVersion, cudaVersion, ...engine.readGpu(gpu) };
    return inOrder(nvidiaKinds, async (kind) => {
      const providers = [{ name: kind, options: { device_id: `${index}` } }];
      return { ...(await report(engine, `${kind}:${index}`, providers)), gpu: facts };
    });
  });
  return reports.flat();
}

/** One after the other. */
async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** @param known what is known to stand in the way */
async function report(
  engine: OrtEngine,
  device: DeviceName,
  providers: readonly ProviderOptions[],
  known: readonly Remedy[] = [],
): Promise<DeviceReport> {
  const problems = [...known];
  try {
    await engine.tryProviders(providers);
  } catch (error) {
    const remedy = toRemedy(error);
    if (!problems.some(({ reason }) => reason === remedy.reason)) problems.push(remedy);
  }
  return { device, isAvailable: problems.length === 0, problems };
}

function toRemedy(error: unknown): Remedy {
  const { message } = error as Error;
  return remedyFor(message) ?? { reason: message };
}
