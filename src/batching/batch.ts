import type { ServingError } from '../core/errors.js';
import type { BatchTask, TaskHolder } from './batch-task.js';
import type { Flow } from './flow.js';

/** What a batch's owner does with it. */
export interface BatchOwner {
  /**
   * Runs the tasks of a batch whose turn it is. Resolves when the thread is free; what it returns then gives out the
   * answers. Every task is settled by it, or waits on. Never rejects.
   */
  run(batch: Batch): Promise<() => void>;
  /** When a run of a batch is expected to end. */
  endMs(batch: Batch, startedMs: number, nowMs: number): number;
  /** A task was settled with this error before its batch ran; it may have been the last one in it. */
  onLeft(batch: Batch, task: BatchTask, error: ServingError): void;
}

/**
 * Tasks that will share a run.
 *
 * It takes tasks in until it is taken itself; a task that is settled meanwhile, by an abort, leaves it. So its rows are
 * those of tasks that somebody waits for.
 */
export class Batch implements TaskHolder {
  readonly flow: Flow;
  readonly priority: number;
  /** When it goes although it is not full, on the clock, if a thread is free. Its owner may change that as tasks come. */
  dueMs = 0;
  readonly #owner: BatchOwner;
  readonly #tasks: BatchTask[] = [];
  #rows = 0;
  #arrivalsMs = 0;

  constructor(owner: BatchOwner, flow: Flow, priority: number) {
    this.#owner = owner;
    this.flow = flow;
    this.priority = priority;
  }

  get rows(): number {
    return this.#rows;
  }

  get tasks(): readonly BatchTask[] {
    return this.#tasks;
  }

  get isEmpty(): boolean {
    return this.#tasks.length === 0;
  }

  /** There is one as long as the batch waits. */
  get firstTask(): BatchTask {
    return this.#tasks[0] as BatchTask;
  }

  /** When the first of its tasks came that are still there. */
  get firstArrivalMs(): number {
    return this.firstTask.arrivedMs;
  }

  /** For each row, when its task came, added up: what the summed waiting is reckoned from. */
  get sumOfArrivalsMs(): number {
    return this.#arrivalsMs;
  }

  add(task: BatchTask): void {
    task.holder = this;
    this.#tasks.push(task);
    this.#rows += task.rows;
    this.#arrivalsMs += task.arrivedMs * task.rows;
  }

  /** Its first tasks, as many as have no more than so many rows together. */
  firstWithin(rows: number): readonly BatchTask[] {
    let sum = 0;
    const end = this.#tasks.findIndex((task) => {
      sum += task.rows;
      return sum > rows;
    });
    return end < 0 ? this.#tasks : this.#tasks.slice(0, end);
  }

  /** Has these tasks, of its own, and no others any more; nobody is told. */
  keep(tasks: readonly BatchTask[]): void {
    const kept = [...tasks]; // they may be the very array
    this.#tasks.length = 0;
    this.#rows = 0;
    this.#arrivalsMs = 0;
    for (const task of kept) this.add(task);
  }

  release(task: BatchTask, error: ServingError): void {
    task.holder = undefined;
    this.#tasks.splice(this.#tasks.indexOf(task), 1);
    this.#rows -= task.rows;
    this.#arrivalsMs -= task.arrivedMs * task.rows;
    this.#owner.onLeft(this, task, error);
  }

  /** Ends all of its tasks, and with them the batch. */
  abandon(error: ServingError): void {
    for (const task of [...this.#tasks]) {
      task.reject(error);
      this.release(task, error);
    }
  }

  /** Runs, as its owner does it, with the tasks that it has by now. */
  run(): Promise<() => void> {
    return this.#owner.run(this);
  }

  /** When its run, which has begun, is expected to end. */
  endMs(startedMs: number, nowMs: number): number {
    return this.#owner.endMs(this, startedMs, nowMs);
  }
}
