// Hot path: short runs, on the calling thread. Guarded by bench/predict-overhead.mjs.
import type { Tensor } from '../../core/tensor.js';
import type { EngineRun } from '../engine-run.js';
import type { OrtApi } from '../ort/c-api.js';
import { SessionRunner } from '../ort/run.js';
import { isArenaFull, isTerminated } from '../ort/status.js';
import { isSharedMemory } from '../run-inputs.js';
import type { ExitBarrier } from '../threads/exit-barrier.js';
import { InlineGuard } from './inline-guard.js';
import { TurnBudget } from './turn-budget.js';

/** Whether short runs are done on the calling thread; see `EngineOptions.inlineRuns`. */
export type InlineRuns = 'auto' | 'off' | 'on';

/** A run that takes longer than this is not worth doing inline: handing it over costs less than it holds the loop. */
const worthInlineMicros = 100;

/** A run that takes this many times longer than it was worth makes everything known of its model worthless. */
const surprise = 10;

export interface InlineRunnerOptions {
  readonly mode: InlineRuns;
  /** The time that inline runs may hold the event loop for, in one turn of it. */
  readonly maxInlineMicros: number;
}

/** Decides which runs are short enough for the calling thread, and does them there. */
export class InlineRunner {
  readonly #mode: InlineRuns;
  readonly #budget: TurnBudget;
  readonly #runner: SessionRunner;
  readonly #guard: InlineGuard;

  constructor(api: OrtApi, libraryFile: string, barrier: ExitBarrier, options: InlineRunnerOptions) {
    this.#mode = options.mode;
    this.#budget = new TurnBudget(options.maxInlineMicros);
    this.#runner = new SessionRunner(api);
    this.#guard = new InlineGuard(api, libraryFile, barrier);
  }

  /** True where the run is to be done here and now. */
  accepts(run: EngineRun, elements: number): boolean {
    if (this.#mode === 'off' || run.turns !== undefined || run.isOnDevice) return false;
    if (run.runConfigEntries !== undefined) return false;
    // onnxruntime checks values before it uses them; another thread must not change them in between.
    if (run.signal?.aborted || isSharedMemory(run.inputs)) return false;
    if (this.#mode === 'on') return true;
    const micros = run.times.expectedMicros(elements);
    return micros <= worthInlineMicros && this.#budget.allows(micros) && this.#guard.isReady;
  }

  /**
   * The outputs, or undefined where the guard ended the run, or its memory was at its limit: then it is done on a thread.
   *
   * @throws OrtError with onnxruntime's reason.
   */
  run(run: EngineRun, elements: number): readonly Tensor[] | undefined {
    const started = performance.now();
    this.#guard.enter();
    try {
      return this.#runner.run(run.session, this.#guard.runOptions, run.inputs, run.outputs);
    } catch (error) {
      if (isArenaFull(error) && run.memory !== undefined) return undefined;
      if (!isTerminated(error)) throw error;
      this.#guard.reset();
      return undefined;
    } finally {
      this.#guard.leave();
      this.#account(run, elements, (performance.now() - started) * 1000);
    }
  }

  async close(): Promise<void> {
    await this.#guard.close();
    this.#runner.close();
  }

  #account(run: EngineRun, elements: number, micros: number): void {
    this.#budget.spend(micros);
    if (run.record !== undefined) {
      run.record.runMicros = micros;
      run.record.isInline = true;
    }
    if (micros > surprise * worthInlineMicros) run.times.clear();
    else run.times.record(elements, micros);
  }
}
