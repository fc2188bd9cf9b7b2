// Hot path: once for each batch. Guarded by bench/batching/cpu-per-request.mjs.
import { Cancellation, type CancelSignal } from '../core/cancellation.js';
import type { Clock } from '../core/clock.js';
import { ServingError, type StatusCode } from '../core/errors.js';
import { notify } from '../core/notify.js';
import type { RunOrigin } from '../core/run-origin.js';
import type { Servable } from '../core/servable.js';
import type { TensorMap } from '../core/tensor.js';
import { type Trace, traced } from '../core/trace.js';
import { expired } from './batch-errors.js';
import type { BatchPolicy } from './batch-policy.js';
import { BatchRecord } from './batch-record.js';
import type { BatchTask, TaskHolder } from './batch-task.js';
import { type BatchingObserver, type BatchRun, notifyRefusal } from './batching-observer.js';
import { assertRows, dealOutputs, wantedOutputs } from './deal-outputs.js';
import { type Filling, mergeInputs } from './merge-inputs.js';

/** Errors that the values of one row may have caused. All others concern the batch as a whole, or nobody in it. */
const rowFaults: ReadonlySet<StatusCode> = new Set([
  'INVALID_ARGUMENT',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNKNOWN',
]);

export interface BatchRunnerOptions {
  readonly servable: Servable;
  readonly filling: Filling;
  readonly policy: BatchPolicy;
  readonly clock: Clock;
  readonly observer: BatchingObserver | undefined;
  readonly trace: Trace<BatchRecord> | undefined;
}

/**
 * Runs tasks together, and settles each of them.
 *
 * A run that fails by what may be the fault of one task is done again in halves, until the task that fails stands
 * alone; the others get their answers. Of n tasks that makes 2n - 1 runs at the most (all are at fault), and
 * 1 + 2 log2 n where one is; the rows that are computed are those of the batch, log2 n + 1 times at the most.
 */
export class BatchRunner {
  readonly #options: BatchRunnerOptions;
  #abandoned: ServingError | undefined;

  constructor(options: BatchRunnerOptions) {
    this.#options = options;
  }

  /** Runs nothing any more: tasks that come, or come again, are rejected with this error. What runs now is not touched. */
  abandon(error: ServingError): void {
    this.#abandoned = error;
  }

  /**
   * Resolves when the thread is free; what it returns then deals out the answers. Never rejects, and does not throw. Tasks
   * that are settled already, or whose deadline has passed, are not run; nor is any after `abandon`.
   */
  async run(tasks: readonly BatchTask[], attempt = 0): Promise<() => void> {
    const wanted = this.#dropUnwanted(tasks);
    if (wanted.length === 0) return () => {};
    try {
      return await this.#runTogether(wanted, attempt);
    } catch (error) {
      const failure = ServingError.from(error);
      if (mayBeOfOne(wanted, failure)) {
        const half = wanted.length >> 1;
        (await this.run(wanted.slice(0, half), attempt + 1))();
        return await this.run(wanted.slice(half), attempt + 1);
      }
      rejectAll(wanted, failure);
      return () => {};
    }
  }

  async #runTogether(tasks: readonly BatchTask[], attempt: number): Promise<() => void> {
    const { servable, filling, policy, clock } = this.#options;
    const { inputs, rows, padding } = mergeInputs(tasks, filling);
    const { signature, priority } = (tasks[0] as BatchTask).request;
    const record = new BatchRecord({ id: servable.id, requests: originsOf(tasks), rows, padding, attempt });
    const run = new SharedRun(tasks);
    const startedMs = clock.now();
    let failure: ServingError | undefined;
    try {
      const outputs = await traced(this.#options.trace, record, () =>
        servable.run({
          signature,
          inputs,
          outputs: wantedOutputs(tasks),
          givesInputs: true,
          priority,
          signal: run.signal,
          origin: record,
        }),
      );
      policy.onRun({ rows: rows + padding, startedMs, endedMs: clock.now() });
      assertRows(servable.id, outputs, rows + padding);
      return () => this.#deal(tasks, outputs, inputs, rows + padding);
    } catch (error) {
      failure = ServingError.from(error);
      throw failure;
    } finally {
      run.end();
      this.#tell(tasks, { record, startedMs, error: failure });
    }
  }

  #deal(tasks: readonly BatchTask[], outputs: TensorMap, merged: TensorMap, rows: number): void {
    const { policy, clock } = this.#options;
    const [first] = tasks as readonly [BatchTask];
    try {
      if (first.rows === rows)
        first.resolve(outputs); // it ran alone, and all of it is its own
      else dealAll(tasks, outputs, merged);
    } catch (error) {
      rejectAll(tasks, ServingError.from(error)); // no memory for the copies
    }
    policy.onAnswer(clock.now() - first.arrivedMs);
  }

  #dropUnwanted(tasks: readonly BatchTask[]): readonly BatchTask[] {
    const { servable, clock, observer } = this.#options;
    const nowMs = clock.now();
    for (const task of tasks) {
      if (task.isSettled) continue;
      const isLate = (task.request.deadlineMs ?? Number.POSITIVE_INFINITY) <= nowMs;
      const error = this.#abandoned ?? (isLate ? expired(servable.id) : undefined);
      if (error === undefined) continue;
      task.reject(error);
      notifyRefusal(observer, { id: servable.id, rows: task.rows, error });
    }
    return tasks.filter(({ isSettled }) => !isSettled);
  }

  #tell(tasks: readonly BatchTask[], seen: Seen): void {
    const { clock, observer } = this.#options;
    const { record, startedMs, error } = seen;
    const { id, rows, padding, attempt, queueMicros } = record;
    const runMicros = (clock.now() - startedMs) * 1000;
    const waitMicros = tasks.map(({ arrivedMs }) => (startedMs - arrivedMs) * 1000);
    for (const [index, { request }] of tasks.entries()) {
      request.origin?.noteRun((waitMicros[index] as number) + queueMicros, record.runMicros || runMicros);
    }
    if (observer?.onRun === undefined) return;
    const run: BatchRun = {
      id,
      requests: tasks.length,
      asked: record.requestCount,
      rows,
      requestRows: tasks.map((task) => task.rows),
      padding,
      waitMicros,
      runMicros,
      attempt,
      ...(error && { error }),
      isSplit: error !== undefined && mayBeOfOne(tasks, error),
    };
    notify((told: BatchRun) => observer.onRun?.(told), run);
  }
}

function dealAll(tasks: readonly BatchTask[], outputs: TensorMap, merged: TensorMap): void {
  let start = 0;
  for (const task of tasks) {
    if (!task.isSettled) task.resolve(dealOutputs(task, outputs, start, merged));
    start += task.rows;
  }
}

/** Those that want to be told; requests that no server was asked have none. */
function originsOf(tasks: readonly BatchTask[]): readonly RunOrigin[] {
  const origins: RunOrigin[] = [];
  for (const { request } of tasks) if (request.origin !== undefined) origins.push(request.origin);
  return origins;
}

/** Whether it may be one of several tasks that a run failed of, or their number: some may fit where all of them do not. */
function mayBeOfOne(tasks: readonly BatchTask[], { code, reason }: ServingError): boolean {
  return tasks.length > 1 && (rowFaults.has(code) || reason === 'memory');
}

function rejectAll(tasks: readonly BatchTask[], error: ServingError): void {
  for (const task of tasks) task.reject(error);
}

interface Seen {
  readonly record: BatchRecord;
  readonly startedMs: number;
  readonly error: ServingError | undefined;
}

/** A run that several callers wait for: it is stopped when all of them have gone. */
class SharedRun implements TaskHolder {
  readonly #tasks: readonly BatchTask[];
  readonly #abort: Cancellation | undefined;
  #callers: number;

  constructor(tasks: readonly BatchTask[]) {
    this.#tasks = tasks;
    this.#callers = tasks.length;
    for (const task of tasks) task.holder = this;
    // A caller without a signal cannot go.
    if (tasks.every(({ request }) => request.signal !== undefined)) this.#abort = new Cancellation();
  }

  get signal(): CancelSignal | undefined {
    return this.#abort;
  }

  release(): void {
    if (--this.#callers === 0) this.#abort?.abort();
  }

  end(): void {
    for (const task of this.#tasks) task.holder = undefined;
  }
}
