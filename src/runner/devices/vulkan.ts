import { loadLibrary } from '../ort/native-library.js';
import type { ProviderOptions } from '../session-options.js';

/** `VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO`, and the size of that struct on 64 bits. Source: Khronos, vulkan_core.h. */
const instanceCreateInfo = 1;
const instanceCreateInfoBytes = 64;

/** `VK_ERROR_INCOMPATIBLE_DRIVER`: the loader has found no driver. */
const incompatibleDriver = -9;

/**
 * Makes sure that WebGPU will find a device on Linux, where it reaches devices by Vulkan. Its own library says in many lines
 * on stderr that it has found none; a guest does not write there. Blocks while the drivers are loaded.
 *
 * @throws Error with the reason.
 */
export function assertWebGpuDevice(providers: readonly (string | ProviderOptions)[]): void {
  const isWanted = providers.some((each) => (typeof each === 'string' ? each : each.name) === 'webgpu');
  if (!isWanted || process.platform !== 'linux') return;
  const library = loadLibrary('libvulkan.so.1');
  const createInstance = library.func('vkCreateInstance', 'int', ['void *', 'void *', 'void *']);
  const enumerate = library.func('vkEnumeratePhysicalDevices', 'int', ['void *', 'void *', 'void *']);
  const destroyInstance = library.func('vkDestroyInstance', 'void', ['void *', 'void *']);
  const info = new DataView(new ArrayBuffer(instanceCreateInfoBytes));
  info.setUint32(0, instanceCreateInfo, true);
  const instance = new BigUint64Array(1);
  check('vkCreateInstance', createInstance(info, null, instance) as number);
  try {
    const devices = new Uint32Array(1);
    check('vkEnumeratePhysicalDevices', enumerate(instance[0], devices, null) as number);
    if (devices[0] === 0) throw noAdapter('Vulkan has no device');
  } finally {
    destroyInstance(instance[0], null);
  }
}

function check(name: string, code: number): void {
  if (code < 0) {
    throw noAdapter(code === incompatibleDriver ? 'Vulkan has no driver' : `${name} returned ${code}`);
  }
}

/** In the words of WebGPU's own failure. */
function noAdapter(reason: string): Error {
  return new Error(`Failed to get a WebGPU adapter: ${reason}`);
}
