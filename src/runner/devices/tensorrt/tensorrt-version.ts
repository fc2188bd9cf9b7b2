import { loadLibrary } from '../../ort/native-library.js';

/** TensorRT's library, of the major version that onnxruntime's provider is linked against. */
const libraryFile = process.platform === 'win32' ? 'nvinfer_10.dll' : 'libnvinfer.so.10';

/**
 * TensorRT's version, `10.9.0`; `unknown` where it is not there. Blocks while the library is loaded.
 *
 * Source: NVIDIA, NvInferRuntimeBase.h, `getInferLibVersion`: 10000 for a major version, 100 for a minor one, since 10.
 */
export function tensorRtVersion(): string {
  try {
    const version = loadLibrary(libraryFile).func('getInferLibVersion', 'int', [])() as number;
    return [Math.floor(version / 10_000), Math.floor(version / 100) % 100, version % 100].join('.');
  } catch {
    return 'unknown';
  }
}
