import { loadLibrary } from '../../ort/native-library.js';
import { type GpuFacts, type GpuHandle, type NvidiaLibraries, Nvml, nvidiaLibraries } from './nvml.js';

/** A GPU that CUDA has in this process. Plain data: it may cross threads. */
export interface VisibleGpu extends GpuFacts {
  /** As CUDA counts here: `cuda:0` is 0. `CUDA_VISIBLE_DEVICES` hides and renumbers. */
  readonly index: number;
  readonly handle: GpuHandle;
}

/** The GPUs of this process, and their driver. */
export interface VisibleGpus {
  readonly driverVersion: string;
  /** The newest CUDA that the driver runs. */
  readonly cudaVersion: string;
  readonly gpus: readonly VisibleGpu[];
}

/**
 * The GPUs that CUDA has in this process, in its order. CUDA is asked itself, since its order is not NVML's. Blocks, for up
 * to a second where CUDA has not been initialised. NVML is left initialised, once: without that the handles mean nothing.
 *
 * @throws Error with the reason where there is no driver, or it does not answer.
 */
export function visibleGpus(libraries: NvidiaLibraries = nvidiaLibraries): VisibleGpus {
  const nvml = new Nvml(libraries);
  try {
    const { driverVersion, cudaVersion } = nvml;
    const gpus = cudaUuids(libraries.cuda).map((uuid, index) => {
      const handle = nvml.byUuid(uuid);
      return { ...nvml.facts(handle), index, handle };
    });
    return { driverVersion, cudaVersion, gpus };
  } catch (error) {
    nvml.close();
    throw error;
  }
}

/**
 * The UUIDs of CUDA's devices, in its order. Source: NVIDIA, cuda.h.
 *
 * `CUDA_ERROR_NO_DEVICE` (100) is no error: everything may be hidden.
 */
function cudaUuids(file: string): readonly string[] {
  const library = loadLibrary(file);
  const func = (name: string, args: readonly string[]) => library.func(name, 'int', [...args]);
  const check = (name: string, code: number) => {
    if (code !== 0) throw new Error(`${name}: error ${code}`);
  };
  const init = func('cuInit', ['uint'])(0) as number;
  if (init === 100) return [];
  check('cuInit', init);
  const count = new Int32Array(1);
  check('cuDeviceGetCount', func('cuDeviceGetCount', ['void *'])(count));
  const getDevice = func('cuDeviceGet', ['void *', 'int']);
  const getUuid = func('cuDeviceGetUuid_v2', ['void *', 'int']);
  return Array.from({ length: count[0] as number }, (_, ordinal) => {
    const device = new Int32Array(1);
    check('cuDeviceGet', getDevice(device, ordinal));
    const bytes = new Uint8Array(16);
    check('cuDeviceGetUuid_v2', getUuid(bytes, device[0]));
    return formatUuid(bytes);
  });
}

function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `GPU-${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')}`;
}
