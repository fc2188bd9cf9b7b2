import type { NvidiaLibraries } from './devices/nvidia/nvml.js';
import type { InlineRuns } from './inline/inline-runner.js';

/** How many threads an engine has, how much memory, and when it may run on the calling thread. */
export interface EngineOptions {
  /**
   * Threads that run sessions, at most, shared by all models; each is started when it is needed. At least 1.
   *
   * @default the CPUs that the process may use: its control group's quota, or its processors where that is less
   */
  readonly numBatchThreads?: number;
  /**
   * Threads that load and unload models, at most. At least 1. On Linux they give way to all other threads of the process,
   * unless the session that they load has threads of its own.
   *
   * @default 2, or 1 on one CPU: enough to overlap reading and building, few enough to leave the CPUs to requests
   */
  readonly numLoadThreads?: number;
  /**
   * Whether short runs are done on the calling thread. Waking a thread costs about 50 to 100 µs, many times what a
   * small model needs.
   *
   * - `auto`: runs that were measured to be shorter than 100 µs for inputs of that size, for at most
   *   `maxInlineMicros` in one turn of the event loop. A run that turns out long is terminated within 10 ms (plus one
   *   operator) and done again on a thread.
   * - `off`: none; the calling thread never runs a model.
   * - `on`: all, for as long as they take: for programs that have nothing else to do on that thread.
   *
   * @default 'auto'
   */
  readonly inlineRuns?: InlineRuns;
  /**
   * Microseconds for which `auto` may hold the event loop in one turn of it.
   *
   * @default 1000
   */
  readonly maxInlineMicros?: number;
  /**
   * Bytes of the host's memory that models may take: their weights, and what runs need. For the whole process, over all
   * servers that set it, which must set the same. A version whose weights do not fit is not loaded, and a run that would
   * need more fails with RESOURCE_EXHAUSTED; both say how much is missing. Weights count as their files hold them; what
   * onnxruntime computes of them while it builds a model is not bounded.
   *
   * @default infinity
   */
  readonly memoryLimitBytes?: number;
  /**
   * The part of each CUDA device's memory that models may take together, more than 0 and at most 1: their weights, and what
   * runs need. For the whole process, as TF Serving's `--per_process_gpu_memory_fraction`. What CUDA's own libraries take
   * comes on top, some hundreds of MB. 0 sets no limit.
   *
   * @default 0, as there
   */
  readonly gpuMemoryFraction?: number;
  /**
   * Whether memory with a limit, and that of CUDA devices, is taken as it is needed. False takes twice as much each time:
   * few, large pieces, sooner at the limit. TF Serving takes all of a GPU's memory at its start; here nothing does.
   *
   * @default true
   */
  readonly allowGrowth?: boolean;
  /** @internal Where NVIDIA's libraries are, for tests. */
  readonly nvidiaLibraries?: NvidiaLibraries;
}
