import type { ProviderOptions } from '../session-options.js';
import type { CudaOptions } from './cuda-options.js';
import type { DeviceName } from './device-name.js';
import type { TensorRtOptions } from './tensorrt/tensorrt-options.js';

/**
 * Execution providers, most preferred first, for what no device's name stands for; the CPU comes last without being named.
 */
export interface ProviderList {
  /** By name, or by name and options. */
  readonly providers: readonly (string | ProviderOptions)[];
}

/** What runs a model where its device cannot: nothing, or the CPU. */
export type Fallback = 'fail' | 'cpu';

/** Where a model runs, and what it may take there. */
export interface DeviceOptions {
  /**
   * One device; several, with a session on each and each run on the one that has the least to do; or a list of execution
   * providers in onnxruntime's words.
   *
   * @default the server's `device`
   */
  readonly device?: DeviceName | readonly DeviceName[] | ProviderList;
  /**
   * What becomes of a version that its device cannot run, because a library, a driver or the device is missing, or because
   * it has none of the model's operators. `fail`: it is not served, and the error says what is missing and how to mend
   * that. `cpu`: it is served from the CPU, which its status, the metrics and the log say. A device that runs some of the
   * operators leaves the others to the CPU; `status()[0].device.nodes` counts them.
   *
   * @default 'fail': what was to be fast is never slow without anybody knowing
   */
  readonly fallback?: Fallback;
  /**
   * Bytes that the model may take of the memory of each of its CUDA devices: weights, and what runs need. For itself alone:
   * it shares no arena. What CUDA's own libraries take comes on top. Not together with the server's `gpuMemoryFraction`.
   *
   * @default infinity
   */
  readonly gpuMemoryLimitBytes?: number;
  /**
   * Whether memory that a run needed is given back to the system after it, instead of being kept for the next one. Slower:
   * for a large model that is asked now and then, beside others.
   *
   * @default false
   */
  readonly shrinkArena?: boolean;
  /** For models on CUDA devices. */
  readonly cuda?: CudaOptions;
  /** For models on devices of TensorRT. */
  readonly tensorrt?: TensorRtOptions;
}
