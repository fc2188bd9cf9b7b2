// Hot path: once for each request. Guarded by bench/batching/cpu-per-request.mjs.
import { cancelled, type ServingError } from '../core/errors.js';
import type { RunRequest } from '../core/servable.js';
import type { TensorMap } from '../core/tensor.js';

/** Whoever has a task in hand: the batch that it waits in, or the run that it is part of. */
export interface TaskHolder {
  /** The task was settled with this error: its caller has gone. */
  release(task: BatchTask, error: ServingError): void;
}

/** Who is told when a task is settled, however and wherever that is. */
export interface TaskOwner {
  onSettled(): void;
}

/**
 * A request on its way through the batcher, or a piece of one that is larger than a batch. Settles once; an abort
 * settles it at once, wherever it is.
 */
export class BatchTask {
  readonly request: RunRequest;
  /** Ours: the caller may have changed its own arrays since. */
  readonly inputs: TensorMap;
  readonly rows: number;
  /** When it came, on the clock. */
  readonly arrivedMs: number;
  readonly promise: Promise<TensorMap>;
  holder: TaskHolder | undefined;
  #resolve!: (outputs: TensorMap) => void;
  #reject!: (error: ServingError) => void;
  #isSettled = false;

  readonly #owner: TaskOwner;

  constructor(request: RunRequest, inputs: TensorMap, rows: number, arrivedMs: number, owner: TaskOwner) {
    this.request = request;
    this.inputs = inputs;
    this.rows = rows;
    this.arrivedMs = arrivedMs;
    this.#owner = owner;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    request.signal?.addEventListener('abort', this);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Has no effect on a task that is settled, as `reject` has none. */
  resolve(outputs: TensorMap): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#resolve(outputs);
  }

  reject(error: ServingError): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#reject(error);
  }

  /** The task is its own listener of its signal: a function for each would cost what most never need. */
  handleEvent(): void {
    const error = cancelled(this.request.signal);
    this.reject(error);
    this.holder?.release(this, error);
  }

  #settle(): void {
    this.#isSettled = true;
    this.request.signal?.removeEventListener('abort', this);
    this.#owner.onSettled();
  }
}
