// Hot path: runs on the batch threads. Guarded by bench/runner/engine-run.mjs.
import { cancelled, type ServingError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import type { EngineRun } from '../engine-run.js';
import type { OrtApi, Pointer } from '../ort/c-api.js';
import { createRunOptions } from '../ort/run-options.js';
import { isTerminated } from '../ort/status.js';
import { copyInputs, takeInputs } from '../run-inputs.js';
import type { ThreadAnswer, ThreadRequest } from '../worker/messages.js';
import type { ExecutionThreads } from './execution-threads.js';

/** Does runs on the batch threads, and ends them when they are no longer wanted. */
export class ThreadRunner {
  readonly #api: OrtApi;
  readonly #threads: ExecutionThreads;
  /** The runs that threads have or wait for, and the options that they are ended by. */
  readonly #runs = new Map<ThreadRequest, Pointer>();
  /** What runs that were ended without their caller's wish reject with. */
  #abandoned: ServingError | undefined;
  /** The end of the last exclusive run. */
  #exclusive: Promise<unknown> = Promise.resolve();

  constructor(api: OrtApi, threads: ExecutionThreads) {
    this.#api = api;
    this.#threads = threads;
  }

  /**
   * Runs on the next free thread. The inputs are copied before this returns, or moved where they are given.
   *
   * @throws OrtError with onnxruntime's reason; ServingError CANCELLED for an aborted run, as soon as it has ended;
   *   UNAVAILABLE where the thread died.
   */
  run(run: EngineRun, elements: number): Promise<readonly Tensor[]> {
    const { inputs, buffers } = run.givesInputs ? takeInputs(run.inputs) : copyInputs(run.inputs);
    const start = () => this.#run({ ...run, inputs }, buffers, elements);
    if (!run.isExclusive) return start();
    const result = this.#exclusive.then(start);
    this.#exclusive = result.catch(() => {}); // the next one does not care how this one ended
    return result;
  }

  /** Ends every run that there is, and every one that may still come, with this error. */
  abandon(error: ServingError): void {
    this.#abandoned = error;
    for (const [request, runOptions] of this.#runs) this.#end(request, runOptions, error);
  }

  async #run(run: EngineRun, transfer: ArrayBuffer[], elements: number): Promise<readonly Tensor[]> {
    const { session, inputs, outputs, signal } = run;
    if (signal?.aborted) throw cancelled(signal);
    if (this.#abandoned !== undefined) throw this.#abandoned;
    const runOptions = createRunOptions(this.#api, run.runConfigEntries);
    const request: ThreadRequest = { kind: 'run', session, runOptions, inputs, outputs };
    this.#runs.set(request, runOptions);
    const onAbort = () => this.#end(request, runOptions, cancelled(signal));
    signal?.addEventListener('abort', onAbort);
    try {
      const answer = (await this.#threads.submit({ request, transfer })) as Extract<
        ThreadAnswer,
        { kind: 'ran' }
      >;
      run.times.record(elements, answer.micros);
      return answer.outputs;
    } catch (error) {
      if (!isTerminated(error)) throw error;
      throw signal?.aborted ? cancelled(signal) : (this.#abandoned ?? error);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#runs.delete(request);
      this.#api.ReleaseRunOptions(runOptions);
    }
  }

  #end(request: ThreadRequest, runOptions: Pointer, error: ServingError): void {
    if (!this.#threads.withdraw(request, error)) this.#api.RunOptionsSetTerminate(runOptions);
  }
}
