import type { BoundMemory } from '../ort/bound-runs.js';
import type { OrtApi } from '../ort/c-api.js';
import { createMemoryInfo } from '../ort/memory-info.js';
import { loadLibrary } from '../ort/native-library.js';

/** CUDA's runtime, of the major version that onnxruntime's provider is linked against, which has loaded it before. */
const libraryFile = process.platform === 'win32' ? 'cudart64_12.dll' : 'libcudart.so.12';

/** `cudaMemcpyDefault`: the addresses tell the direction. Source: NVIDIA, driver_types.h. */
const byAddress = 4;

/** The memory of a CUDA device, bound in this thread. @throws Error where CUDA's runtime cannot be loaded. */
export function cudaMemory(api: OrtApi, deviceIndex: number): BoundMemory {
  const library = loadLibrary(libraryFile);
  const setDevice = library.func('cudaSetDevice', 'int', ['int']);
  const memcpy = library.func('cudaMemcpy', 'int', ['void *', 'void *', 'size_t', 'int']);
  const synchronize = library.func('cudaDeviceSynchronize', 'int', []);
  const check = (name: string, code: number) => {
    if (code !== 0) throw new Error(`${name}: CUDA failure ${code}`);
  };
  return {
    createMemoryInfo: () => createMemoryInfo(api, `cuda:${deviceIndex}`),
    copy: (to, from, bytes) => {
      check('cudaSetDevice', setDevice(deviceIndex));
      check('cudaMemcpy', memcpy(to, from, bytes, byAddress));
    },
    // A copy of less than 64 KiB from pageable memory returns before it has arrived.
    settle: () => check('cudaDeviceSynchronize', synchronize()),
  };
}
