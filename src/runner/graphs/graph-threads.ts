import type { OrtApi } from '../ort/c-api.js';
import type { ExecutionThreads } from '../threads/execution-threads.js';
import { ThreadRunner } from '../threads/thread-runner.js';

/** CUDA devices whose runs are recorded, at most. */
export const mostGraphThreads = 16;

/**
 * A thread for each CUDA device on which runs are recorded, started when it is needed: onnxruntime keeps a recording with
 * the thread that has made it.
 */
export class GraphThreads {
  readonly #api: OrtApi;
  readonly #spawn: () => ExecutionThreads;
  readonly #devices = new Map<
    number,
    { readonly threads: ExecutionThreads; readonly runner: ThreadRunner }
  >();

  constructor(api: OrtApi, spawn: () => ExecutionThreads) {
    this.#api = api;
    this.#spawn = spawn;
  }

  /** Runs sessions on the one thread of a device. */
  runnerOf(deviceIndex: number): ThreadRunner {
    const known = this.#devices.get(deviceIndex);
    if (known !== undefined) return known.runner;
    const threads = this.#spawn();
    const runner = new ThreadRunner(this.#api, threads);
    this.#devices.set(deviceIndex, { threads, runner });
    return runner;
  }

  get runners(): readonly ThreadRunner[] {
    return [...this.#devices.values()].map(({ runner }) => runner);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#devices.values()].map(({ threads }) => threads.close()));
  }
}
