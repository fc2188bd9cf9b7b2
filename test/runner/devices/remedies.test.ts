import { describe, expect, it } from 'vitest';
import { describeRemedy, remedyFor } from '#dist/runner/devices/remedies.js';

const cannotOpen = (library: string) =>
  `${library}: cannot open shared object file: No such file or directory`;
const failedToLoad = (library: string) =>
  `/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:2260 onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library libonnxruntime_providers_cuda.so with error: ${cannotOpen(library)}`;

describe('what stands in the way of a device, and what mends it', () => {
  it.each<[string, string, RegExp, RegExp | undefined, string?]>([
    [
      'onnxruntime’s library for it',
      failedToLoad('/app/libonnxruntime_providers_shared.so'),
      /installed without libonnxruntime_providers_shared\.so/,
      /^ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node/,
    ],
    ['the driver', cannotOpen('libcuda.so.1'), /driver is missing/, /--gpus all/],
    ['the driver’s management library', cannotOpen('libnvidia-ml.so.1'), /driver is missing/, /nvidia-smi/],
    [
      'CUDA',
      failedToLoad('libcublasLt.so.12'),
      /^CUDA 12 is missing \(libcublasLt\.so\.12\)$/,
      /cuda-libraries-12/,
    ],
    [
      'CUDA of another major version',
      failedToLoad('libcudart.so.12'),
      /^CUDA 12 is missing \(libcudart\.so\.12\); there is CUDA 13 instead$/,
      /cuda-libraries-12/,
      'libcudart.so.13',
    ],
    [
      'cuDNN',
      failedToLoad('libcudnn.so.9'),
      /^cuDNN 9 for CUDA 12 is missing \(libcudnn\.so\.9\)$/,
      /libcudnn9-cuda-12/,
    ],
    [
      'TensorRT',
      failedToLoad('libnvinfer.so.10'),
      /^TensorRT 10 is missing \(libnvinfer\.so\.10\)$/,
      /libnvinfer10/,
    ],
    [
      'TensorRT’s parser',
      failedToLoad('libnvonnxparser.so.10'),
      /^TensorRT 10 is missing/,
      /libnvonnxparsers10/,
    ],
    [
      'an old driver',
      'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=0',
      /driver is too old for CUDA 12/,
      /525 or newer/,
    ],
    [
      'a device that is not there',
      'CUDA failure 101: invalid device ordinal ; GPU=7',
      /no such device/,
      /CUDA_VISIBLE_DEVICES/,
    ],
    [
      'no device at all',
      'CUDA failure 100: no CUDA-capable device is detected',
      /no such device/,
      /--gpus all/,
    ],
    [
      'a GPU of another generation',
      'CUDA failure 209: no kernel image is available',
      /not built for a GPU/,
      undefined,
    ],
    ['the Vulkan loader', cannotOpen('libvulkan.so.1'), /Vulkan loader/, /libvulkan1/],
    ['a Vulkan driver', 'Failed to get a WebGPU adapter.', /no GPU with a driver/, /mesa-vulkan-drivers/],
    [
      'float16 on a GPU that has none',
      'shader_helper.cc:416 GenerateSourceCode Program Transpose requires f16 but the device does not support it.',
      /has no float16/,
      undefined,
    ],
    [
      'a provider of another platform',
      'CoreML execution provider is not supported in this build. ',
      /has no CoreML for/,
      undefined,
    ],
  ])('%s', (_, message, reason, fix, there) => {
    const remedy = remedyFor(message, (library) => library === there);
    expect(remedy?.reason).toMatch(reason);
    if (fix === undefined) expect(remedy?.fix).toBeUndefined();
    else expect(remedy?.fix).toMatch(fix);
  });

  it('has nothing to say of what lies in the model', () => {
    expect(remedyFor('Fatal error: com.example:Magic(-1) is not a registered function/op')).toBeUndefined();
  });

  it('is said in a sentence', () => {
    expect(describeRemedy({ reason: 'it is off', fix: 'turn it on' })).toBe(
      'it is off; to mend it: turn it on',
    );
    expect(describeRemedy({ reason: 'it is off' })).toBe('it is off');
  });
});
