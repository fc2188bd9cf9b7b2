// Hot path: runs on the batch threads. Guarded by bench/runner/engine-run.mjs.
import { type Deferred, deferred } from '../../core/deferred.js';
import { cancelled, ServingError } from '../../core/errors.js';
import type { Tensor } from '../../core/tensor.js';
import type { EngineRun, RunMemory } from '../engine-run.js';
import { graphEntries } from '../graphs/run-graphs.js';
import type { OrtApi, Pointer } from '../ort/c-api.js';
import { createRunOptions } from '../ort/run-options.js';
import { arenaFull, isTerminated } from '../ort/status.js';
import { copyInputs, takeInputs } from '../run-inputs.js';
import type { ThreadAnswer, ThreadRequest } from '../worker/messages.js';
import { ArenaFullError } from './arena-full-error.js';
import type { ExecutionThreads } from './execution-threads.js';
import type { Turns } from './turns.js';

/** A run that a thread has or that waits for one. */
interface InFlight {
  readonly request: Extract<ThreadRequest, { kind: 'run' }>;
  /** What it was told to end by. */
  endedBy: ServingError | undefined;
}

/** A run that waits until the one before it has ended. */
interface WaitingTurn extends Deferred<readonly Tensor[]> {
  readonly session: Pointer;
}

/** Does runs on the batch threads, and ends them when they are no longer wanted. */
export class ThreadRunner {
  readonly #api: OrtApi;
  readonly #threads: ExecutionThreads;
  readonly #runs = new Set<InFlight>();
  readonly #turns = new Set<WaitingTurn>();
  /** What runs that were ended without their caller's wish reject with. */
  #abandoned: ServingError | undefined;

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
    const start = () => this.#runWithin({ ...run, inputs }, buffers, elements);
    return run.turns === undefined ? start() : this.#runInTurn(run.session, run.turns, start);
  }

  /**
   * Ends runs with this error: what waits at once, what a thread has as soon as it stops. Those of one session; without one
   * all that there are, and every one that may still come.
   */
  abandon(error: ServingError, session?: Pointer): void {
    if (session === undefined) this.#abandoned = error;
    for (const turn of this.#turns) {
      if (session !== undefined && turn.session !== session) continue;
      this.#turns.delete(turn);
      turn.reject(error);
    }
    for (const run of this.#runs) {
      if (session === undefined || run.request.session === session) this.#end(run, error);
    }
  }

  #runInTurn(
    session: Pointer,
    turns: Turns,
    start: () => Promise<readonly Tensor[]>,
  ): Promise<readonly Tensor[]> {
    const turn: WaitingTurn = { session, ...deferred<readonly Tensor[]>() };
    this.#turns.add(turn);
    void turns.take(async () => {
      if (!this.#turns.delete(turn)) return; // it was ended while it waited
      await start().then(turn.resolve, turn.reject); // the next one does not care how this one ended
    });
    return turn.promise;
  }

  /**
   * A run that comes to a limit of memory is tried again, once, when what earlier runs have left in the arena has been
   * given back: pieces that are free may each be too small.
   */
  async #runWithin(run: EngineRun, transfer: ArrayBuffer[], elements: number): Promise<readonly Tensor[]> {
    try {
      return await this.#run(run, transfer, elements);
    } catch (error) {
      if (!(error instanceof ArenaFullError) || run.memory === undefined) throw error;
      const { arena } = run.memory;
      if (arena === undefined) throw overLimit(error, run.memory);
      await this.#threads.submit({ request: { kind: 'shrink-arena', arena } });
      const { inputs, buffers } = takeInputs(error.inputs);
      try {
        return await this.#run({ ...run, inputs }, buffers, elements);
      } catch (again) {
        throw again instanceof ArenaFullError ? overLimit(again, run.memory) : again;
      }
    }
  }

  async #run(run: EngineRun, transfer: ArrayBuffer[], elements: number): Promise<readonly Tensor[]> {
    const { session, inputs, outputs, signal } = run;
    if (signal?.aborted) throw cancelled(signal);
    if (this.#abandoned !== undefined) throw this.#abandoned;
    const { graphs } = run;
    const id = graphs?.idOf(inputs, outputs);
    const entries =
      graphs === undefined ? run.runConfigEntries : { ...run.runConfigEntries, ...graphEntries(id) };
    const runOptions = createRunOptions(this.#api, entries);
    const graph = graphs && id !== undefined ? { deviceIndex: graphs.deviceIndex, id } : undefined;
    const request = { kind: 'run', session, runOptions, inputs, outputs, graph } as const;
    const inFlight: InFlight = { request, endedBy: undefined };
    this.#runs.add(inFlight);
    const onAbort = () => this.#end(inFlight, cancelled(signal));
    signal?.addEventListener('abort', onAbort);
    try {
      const answer = (await this.#threads.submit({ request, transfer })) as Extract<
        ThreadAnswer,
        { kind: 'ran' }
      >;
      run.times.record(elements, answer.micros);
      if (run.record !== undefined) {
        run.record.runMicros = answer.micros;
        run.record.isInline = false; // it may have been tried inline first
      }
      return answer.outputs;
    } catch (error) {
      throw isTerminated(error) ? (inFlight.endedBy ?? error) : error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#runs.delete(inFlight);
      this.#api.ReleaseRunOptions(runOptions);
    }
  }

  /** Gives back what recorded runs of a session have. Never rejects. */
  async releaseGraphs(session: Pointer): Promise<void> {
    await this.#threads.submit({ request: { kind: 'release-graphs', session } }).catch(() => {});
  }

  #end(run: InFlight, error: ServingError): void {
    run.endedBy ??= error;
    if (!this.#threads.withdraw(run.request, error)) this.#api.RunOptionsSetTerminate(run.request.runOptions);
  }
}

function overLimit(error: ArenaFullError, { limitName, limitBytes }: RunMemory): ServingError {
  const { neededBytes = 0, freeBytes = 0 } = arenaFull(error.message) ?? {};
  return new ServingError(
    'RESOURCE_EXHAUSTED',
    `it needs ${neededBytes} bytes more, and ${freeBytes} of ${limitName} ${limitBytes} are free`,
    {
      actual: `${neededBytes} bytes`,
      expected: `at most ${freeBytes} bytes`,
      reason: 'memory',
      cause: error,
    },
  );
}
