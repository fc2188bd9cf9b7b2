import type { ProviderOptions } from '../session-options.js';
import { providerFlag } from './provider-flag.js';

/** How CUDA runs a model. */
export interface CudaOptions {
  /**
   * How the kernel of a convolution is chosen, when a shape is seen first. `exhaustive` measures all of them: seconds for a
   * shape, the fastest runs. `heuristic` asks cuDNN; `default` takes one kind for all.
   *
   * @default 'exhaustive', as in onnxruntime. With shapes that vary, `heuristic` spares requests the search.
   */
  readonly convSearch?: 'exhaustive' | 'heuristic' | 'default';
  /**
   * Whether a convolution's kernels may take as much memory as they like while they are searched for.
   *
   * @default true, as in onnxruntime
   */
  readonly convMaxWorkspace?: boolean;
  /**
   * Whether float32 matrices are multiplied with 10 bits of mantissa (TF32) where the device can.
   *
   * @default true, as in onnxruntime and TensorFlow: several times as fast, and results differ from the CPU's in the third
   *   digit or so
   */
  readonly tf32?: boolean;
  /**
   * Whether layers compute channels last.
   *
   * @default false, as in onnxruntime
   */
  readonly preferNhwc?: boolean;
  /**
   * Whether the kernels of a run are recorded when its shape is seen first (CUDA graphs), and replayed as a whole from then
   * on: a run of many small kernels no longer pays for the launch of each. For models that CUDA runs all of, without control
   * flow. Each shape takes memory of its own, for 64 of them at most; let the warm-up see them. All runs of a device's
   * recorded models take turns on one thread. Not together with `gpuMemoryFraction` and `shrinkArena`: what was recorded
   * goes on using its memory.
   *
   * @default false, as in onnxruntime
   */
  readonly graphs?: boolean;
}

/** What bounds the memory of a device. */
export interface CudaMemory {
  /** Undefined: as much as there is. */
  readonly limitBytes?: number | undefined;
  /** True: the arena takes what it is asked for. False: it takes twice as much each time. */
  readonly allowGrowth: boolean;
}

const searches = { exhaustive: 'EXHAUSTIVE', heuristic: 'HEURISTIC', default: 'DEFAULT' } as const;

/**
 * The CUDA provider with its options in onnxruntime's words; only what was asked for is said.
 *
 * Source of the keys: onnxruntime, core/providers/cuda/cuda_execution_provider_info.cc.
 */
export function cudaProvider(index: number, options: CudaOptions, memory: CudaMemory): ProviderOptions {
  const { convSearch, convMaxWorkspace, tf32, preferNhwc, graphs } = options;
  return {
    name: 'cuda',
    options: {
      device_id: String(index),
      arena_extend_strategy: memory.allowGrowth ? 'kSameAsRequested' : 'kNextPowerOfTwo',
      ...(memory.limitBytes !== undefined && { gpu_mem_limit: String(memory.limitBytes) }),
      ...(convSearch !== undefined && { cudnn_conv_algo_search: searches[convSearch] }),
      ...(convMaxWorkspace !== undefined && { cudnn_conv_use_max_workspace: providerFlag(convMaxWorkspace) }),
      ...(tf32 !== undefined && { use_tf32: providerFlag(tf32) }),
      ...(preferNhwc !== undefined && { prefer_nhwc: providerFlag(preferNhwc) }),
      ...(graphs !== undefined && { enable_cuda_graph: providerFlag(graphs) }),
    },
  };
}
