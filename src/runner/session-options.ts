/** An execution provider and its options, both in onnxruntime's words. */
export interface ProviderOptions {
  /**
   * `cpu`, `cuda`, `tensorrt`, `coreml`, `dml`, `openvino`, `qnn`, `webgpu` or `xnnpack`; any other name is passed to
   * onnxruntime as it is. Which ones exist depends on the platform's build of onnxruntime.
   */
  readonly name: string;
  /** The provider's keys and values as onnxruntime documents them: `{ gpu_mem_limit: '2147483648' }`. */
  readonly options?: Readonly<Record<string, string>>;
  /**
   * The shared library of a plugin that has the provider, by path; `name` is then the plugin's own name for it. It is
   * loaded once in the process, and stays until the last server is closed.
   */
  readonly library?: string;
}

/** How onnxruntime builds and runs a model's sessions. */
export interface SessionOptions {
  /**
   * Threads that share the work of one operator.
   *
   * @default 1: the batch threads already keep every core busy under load, and a session with one thread starts
   *   none of its own. Raise it for a large model whose single runs must be fast. At least 1.
   */
  readonly intraOpNumThreads?: number;
  /**
   * Threads that run independent operators, in `parallel` mode.
   *
   * @default 1
   */
  readonly interOpNumThreads?: number;
  /** @default 'sequential': one operator after the other. */
  readonly executionMode?: 'sequential' | 'parallel';
  /**
   * What becomes of the files beside the model that its weights are in.
   *
   * - `copied`: they are loaded from a copy in the folder for temporary files (`TMPDIR`), which is removed when the model
   *   is loaded. Whatever happens to the version's files afterwards, the model serves on as it was. It needs as much room
   *   there as the files have, until the model is loaded, or unloaded where onnxruntime computes on the mapped copy. It
   *   takes the time to copy them, some 0.1 s more for 200 MB (bench/runner/memory-estimate.mjs); no time and no room
   *   where the file system shares bytes between files (Btrfs, XFS, APFS). The process takes no more memory for it than
   *   with `mapped`, but that folder may itself be memory (tmpfs). A process that is killed while it loads leaves the
   *   copy behind.
   * - `mapped`: onnxruntime maps them where they are. A file that is cut short while the version loads or serves ends the
   *   process (SIGBUS), and one that is overwritten changes the answers. For folders that nobody writes to, for models
   *   that are larger than the room, and for those with other files beside them, such as compiled contexts of an
   *   execution provider.
   *
   * @default 'copied'
   */
  readonly externalData?: 'copied' | 'mapped';
  /** @default 'all' */
  readonly graphOptimization?: 'disabled' | 'basic' | 'extended' | 'layout' | 'all';
  /**
   * Plan the memory of a run ahead, for inputs whose shapes repeat.
   *
   * @default true, as in onnxruntime
   */
  readonly memoryPattern?: boolean;
  /**
   * Keep memory of finished runs for the next ones, until the model is unloaded. Faster, and holds the peak.
   *
   * @default true, as in onnxruntime
   */
  readonly cpuArena?: boolean;
  /**
   * Let onnxruntime's own threads burn CPU while they wait for work.
   *
   * @default false: a guest in the host's process is quiet when idle. onnxruntime's own default is true.
   */
  readonly allowSpinning?: boolean;
  /** Session configuration entries by onnxruntime's keys (`session.…`, `ep.…`); the last word over the options above. */
  readonly configEntries?: Readonly<Record<string, string>>;
  /** Sizes for symbolic dimensions, by name, fixed when the model is loaded. */
  readonly freeDimensions?: Readonly<Record<string, number>>;
  /** Run configuration entries by onnxruntime's keys, given to every run: `memory.enable_memory_arena_shrinkage`. */
  readonly runConfigEntries?: Readonly<Record<string, string>>;
  /**
   * The least severe message that onnxruntime prints to stderr: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal.
   *
   * @default 4: what goes wrong reaches the caller as an error, and a guest does not write to the host's stderr.
   */
  readonly logSeverity?: 0 | 1 | 2 | 3 | 4;
}

/** How a session is made, and where. */
export interface PlacedSessionOptions extends SessionOptions {
  /** Most preferred first; the CPU comes last without being named. @default none: the CPU */
  readonly providers?: readonly (string | ProviderOptions)[];
}
