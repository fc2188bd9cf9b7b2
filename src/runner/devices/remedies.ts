import { loadLibrary } from '../ort/native-library.js';

/** Why a device cannot be used, and what to do. */
export interface Remedy {
  /** The library, driver or device that is missing, and what is there in its place. */
  readonly reason: string;
  /** The command or step that mends it; absent where nothing does on this machine. */
  readonly fix?: string;
}

/** CUDA, as the library that onnxruntime-node's install script downloads wants it. */
const cudaMajor = 12;

const installCuda = `apt-get install cuda-libraries-${cudaMajor}-8 libcudnn9-cuda-${cudaMajor}, or start from the image nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04`;
const installDriver =
  'install the NVIDIA driver, until nvidia-smi works; for a container, install nvidia-container-toolkit and start it with --gpus all';
const installProviders =
  'ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node (an .npmrc with onnxruntime-node-install=skip keeps npm from downloading it)';
const installTensorRt = `apt-get install libnvinfer10 libnvinfer-plugin10 libnvonnxparsers10, built for CUDA ${cudaMajor}`;
const installVulkan = 'apt-get install libvulkan1 mesa-vulkan-drivers, or the GPU maker’s Vulkan driver';

/** What onnxruntime, the system's loader and the drivers say, and what it means. The first one that fits is meant. */
const remedies: readonly (readonly [RegExp, (found: RegExpExecArray, isThere: IsThere) => Remedy])[] = [
  [
    /(libonnxruntime_providers_\w+\.so|onnxruntime_providers_\w+\.dll): cannot open shared object file/,
    ([, library]) => ({ reason: `onnxruntime-node was installed without ${library}`, fix: installProviders }),
  ],
  [
    /libcuda\.so\.1: cannot open|libnvidia-ml\.so\.1: cannot open|no NVIDIA driver|nvcuda\.dll/,
    () => ({ reason: 'the NVIDIA driver is missing (libcuda.so.1)', fix: installDriver }),
  ],
  [
    /(lib(?:cudart|cublas|cublasLt|cufft|curand|nvrtc|nvJitLink))\.so\.(\d+): cannot open/,
    ([, library = '', wanted = ''], isThere) => {
      const others = [11, 12, 13, 14].filter((major) => isThere(`libcudart.so.${major}`));
      const wrong = others.filter((major) => major !== cudaMajor);
      const instead = wrong.length === 0 ? '' : `; there is CUDA ${wrong.join(' and ')} instead`;
      const reason = `CUDA ${cudaMajor} is missing (${library}.so.${wanted})${instead}`;
      return { reason, fix: installCuda };
    },
  ],
  [
    /(libcudnn\w*\.so\.\d+): cannot open/,
    ([, library]) => ({ reason: `cuDNN 9 for CUDA ${cudaMajor} is missing (${library})`, fix: installCuda }),
  ],
  [
    /(libnvinfer\w*\.so\.\d+|libnvonnxparser\w*\.so\.\d+): cannot open/,
    ([, library]) => ({ reason: `TensorRT 10 is missing (${library})`, fix: installTensorRt }),
  ],
  [
    /driver version is insufficient|error 35\b|CUDA failure 35\b/,
    () => ({
      reason: `the NVIDIA driver is too old for CUDA ${cudaMajor}`,
      fix: 'install a driver of version 525 or newer',
    }),
  ],
  [
    /no CUDA-capable device|CUDA failure 100\b|error 100\b|invalid device ordinal|CUDA failure 101\b/i,
    () => ({
      reason: 'CUDA has no such device in this process',
      fix: 'compare nvidia-smi -L with CUDA_VISIBLE_DEVICES; start a container with --gpus all',
    }),
  ],
  [
    /no kernel image is available|CUDA failure 209\b/,
    () => ({ reason: 'onnxruntime was not built for a GPU of this kind: it is too old, or too new' }),
  ],
  [
    /libvulkan\.so\.1: cannot open/,
    () => ({ reason: 'the Vulkan loader is missing (libvulkan.so.1)', fix: installVulkan }),
  ],
  [
    /Failed to get a WebGPU adapter/,
    () => ({ reason: 'there is no GPU with a driver that WebGPU can use', fix: installVulkan }),
  ],
  [
    /requires f16 but the device does not support it/,
    () => ({ reason: 'the GPU, or its driver, has no float16, which the model computes in' }),
  ],
  [
    /(\w+) execution provider is not (?:supported|enabled) in this build/,
    ([, provider]) => ({
      reason: `onnxruntime-node has no ${provider} for ${process.platform}/${process.arch}`,
    }),
  ],
];

type IsThere = (library: string) => boolean;

/** What stands behind a failure to use a device; undefined for what has other reasons. */
export function remedyFor(message: string, isThere: IsThere = canLoad): Remedy | undefined {
  for (const [pattern, explain] of remedies) {
    const found = pattern.exec(message);
    if (found !== null) return explain(found, isThere);
  }
  return undefined;
}

/** In one sentence. */
export function describeRemedy({ reason, fix }: Remedy): string {
  return fix === undefined ? reason : `${reason}; to mend it: ${fix}`;
}

function canLoad(library: string): boolean {
  try {
    loadLibrary(library);
    return true;
  } catch {
    return false;
  }
}
