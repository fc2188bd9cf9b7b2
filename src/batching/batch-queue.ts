// Hot path: once for each request. Guarded by bench/batching/cpu-per-request.mjs.
import { cancelled, type ServingError } from '../core/errors.js';
import { sliceRows } from '../core/rows.js';
import type { RunRequest } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import { Slab } from '../core/slab.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import { Batch, type BatchOwner } from './batch.js';
import type { BatchDispatcher } from './batch-dispatcher.js';
import { expired, queueFull, queueTooFull } from './batch-errors.js';
import type { BatchPolicy } from './batch-policy.js';
import type { BatchRunner } from './batch-runner.js';
import { BatchTask } from './batch-task.js';
import { type BatchingObserver, notifyRefusal } from './batching-observer.js';
import type { Flow } from './flow.js';
import { remove } from './remove.js';
import { haveSameRows } from './row-shape.js';

export interface BatchQueueOptions {
  readonly id: ServableId;
  /** Whether requests of different row shapes may share a batch. */
  readonly isPadding: boolean;
  readonly policy: BatchPolicy;
  readonly runner: BatchRunner;
  readonly dispatcher: BatchDispatcher;
  readonly flow: Flow;
  readonly observer: BatchingObserver | undefined;
}

/**
 * Puts the requests to one version into batches.
 *
 * Invariants:
 * - `#waiting` are the batches that do not run yet: at most `maxEnqueuedBatches`, but for the pieces of a large request
 *   that found none waiting.
 * - `#open` are those among them that take tasks: one for each signature, row shape and priority.
 * - None of them is without tasks. None is larger than the policy's `maxRows` was when its last task came.
 * - A task that does not fit closes the open batch: tasks of a kind run in the order of their coming.
 */
export class BatchQueue implements BatchOwner {
  readonly #options: BatchQueueOptions;
  // Arrays, as they are short and change with every batch: the tables that a Set leaves behind when it grows anew keep
  // each other, and all that was ever in them, from the garbage collector's short way.
  readonly #waiting: Batch[] = [];
  readonly #open: Batch[] = [];
  readonly #slab = new Slab();
  #waitingRows = 0;
  #isDraining = false;

  constructor(options: BatchQueueOptions) {
    this.#options = options;
  }

  /**
   * Takes in a request that fits into a batch; its inputs are copied.
   *
   * @throws ServingError UNAVAILABLE where there is no room, CANCELLED where it is aborted already.
   */
  add(request: RunRequest, rows: number): Promise<TensorMap> {
    const { id, policy } = this.#options;
    const { maxEnqueuedBatches } = policy;
    if (request.signal?.aborted) throw cancelled(request.signal);
    this.#assertAdmitted(rows);
    const open = this.#findOpen(request);
    const isRoom = open !== undefined && open.rows + rows <= policy.maxRows;
    if (!isRoom && this.#waiting.length >= maxEnqueuedBatches) {
      throw this.#refuse(rows, queueFull(id, this.#waiting.length, maxEnqueuedBatches));
    }
    return this.#place(open, request, copyRows(this.#slab, request.inputs, 0, rows), rows);
  }

  /**
   * Takes in a request as pieces that fit into batches, all of them or none; their inputs are copied. The promises are in
   * the order of the rows.
   *
   * @throws ServingError UNAVAILABLE where there is no room for all, unless nothing waits: what is larger than the queue
   *   may have it to itself. CANCELLED where it is aborted already.
   */
  addPieces(request: RunRequest, rows: number): Promise<TensorMap>[] {
    const { id, policy } = this.#options;
    const { maxEnqueuedBatches, maxRows } = policy;
    if (request.signal?.aborted) throw cancelled(request.signal);
    this.#assertAdmitted(rows);
    const openRows = this.#findOpen(request)?.rows ?? 0;
    const waiting = this.#waiting.length;
    const capacity = (maxEnqueuedBatches - waiting) * maxRows + (openRows === 0 ? 0 : maxRows - openRows);
    if (rows > capacity && waiting > 0) {
      const found = { rows, capacity: Math.max(0, capacity), waiting, openRows, maxRows, maxEnqueuedBatches };
      throw this.#refuse(rows, queueTooFull(id, found));
    }
    const pieces: Promise<TensorMap>[] = [];
    for (let start = 0; start < rows; start += maxRows) {
      const end = Math.min(rows, start + maxRows);
      const inputs = copyRows(this.#slab, request.inputs, start, end);
      pieces.push(this.#place(this.#findOpen(request), request, inputs, end - start));
    }
    return pieces;
  }

  /** No request comes any more: what waits goes as soon as a thread is idle. */
  drain(): void {
    this.#isDraining = true;
    for (const batch of this.#open) this.#setDue(batch);
  }

  async run(batch: Batch): Promise<() => void> {
    this.#forget(batch);
    this.#select(batch);
    return await this.#options.runner.run(batch.tasks);
  }

  endMs({ rows }: Batch, startedMs: number, nowMs: number): number {
    return this.#options.policy.endMs({ rows, startedMs }, nowMs);
  }

  onLeft(batch: Batch, task: BatchTask, error: ServingError): void {
    const { id, observer, dispatcher } = this.#options;
    notifyRefusal(observer, { id, rows: task.rows, error });
    this.#waitingRows -= this.#waiting.includes(batch) ? task.rows : 0;
    if (!batch.isEmpty) {
      this.#setDue(batch);
      return;
    }
    this.#forget(batch);
    dispatcher.discard(batch);
  }

  #place(open: Batch | undefined, request: RunRequest, inputs: TensorMap, rows: number): Promise<TensorMap> {
    const { policy, dispatcher } = this.#options;
    const task = new BatchTask(request, inputs, rows, dispatcher.clock.now());
    const isRoom = open !== undefined && open.rows + rows <= policy.maxRows;
    if (open !== undefined && !isRoom) this.#close(open);
    const batch = isRoom ? open : this.#openAnother(request);
    batch.add(task);
    this.#waitingRows += rows;
    this.#setDue(batch);
    if (!isRoom) dispatcher.open(batch);
    if (batch.rows >= policy.maxRows) this.#close(batch);
    return task.promise;
  }

  /** Whether the policy takes in a request, for which there may be room. */
  #assertAdmitted(rows: number): void {
    const { policy, dispatcher } = this.#options;
    if (policy.refuse === undefined) return;
    const nowMs = dispatcher.clock.now();
    const [oldest] = this.#waiting;
    const error = policy.refuse({
      rows,
      waitingRows: this.#waitingRows,
      firstArrivalMs: oldest?.firstArrivalMs ?? Number.POSITIVE_INFINITY,
      busyUntilMs: dispatcher.busyUntilMs(nowMs),
      nowMs,
    });
    if (error !== undefined) throw this.#refuse(rows, error);
  }

  /** Leaves a batch with the tasks that are to run now: who would be late is ended, others may take the place. */
  #select(batch: Batch): void {
    const { policy, dispatcher } = this.#options;
    const nowMs = dispatcher.clock.now();
    let isAnyLate = false;
    while (!batch.isEmpty) {
      this.#level(batch, policy.rowsFor(batch, nowMs));
      const late = batch.tasks.filter(({ arrivedMs }) => nowMs > policy.latestStartMs(arrivedMs, batch.rows));
      if (late.length === 0) break;
      batch.keep(batch.tasks.filter((task) => !late.includes(task)));
      for (const task of late) task.reject(this.#refuse(task.rows, expired(this.#options.id)));
      isAnyLate = true;
    }
    if (isAnyLate) policy.onAnswer(Number.POSITIVE_INFINITY);
  }

  /** Gives a batch that starts so many rows, from or to the next batch of its kind; one task at the least stays. */
  #level(batch: Batch, rows: number): void {
    for (let next = this.#nextOf(batch); next !== undefined; next = this.#nextOf(batch)) {
      const { firstTask } = next;
      if (batch.rows + firstTask.rows > rows) break;
      next.keep(next.tasks.slice(1));
      this.#waitingRows -= firstTask.rows;
      batch.add(firstTask);
      if (!next.isEmpty) continue;
      this.#forget(next);
      this.#options.dispatcher.discard(next);
    }
    const excess = batch.excessOver(rows);
    if (excess.length === 0) return;
    batch.keep(batch.tasks.slice(0, -excess.length));
    this.#putBack(excess, batch);
  }

  /** Lets tasks of a batch that starts wait on, ahead of those that came later. */
  #putBack(tasks: readonly BatchTask[], batch: Batch): void {
    const next = this.#nextOf(batch) ?? new Batch(this, batch.flow, batch.priority);
    this.#waitingRows += tasks.reduce((sum, { rows }) => sum + rows, 0);
    next.keep([...tasks, ...next.tasks]);
    if (this.#waiting.includes(next)) return;
    this.#waiting.push(next);
    this.#options.dispatcher.open(next);
    this.#options.dispatcher.fill(next);
  }

  /** The first batch that waits whose tasks may share a run with those of this one. */
  #nextOf({ firstTask, priority }: Batch): Batch | undefined {
    for (const other of this.#waiting) {
      if (
        other.priority === priority &&
        this.#canShare(other.firstTask, firstTask.request, firstTask.inputs)
      ) {
        return other;
      }
    }
    return undefined;
  }

  #canShare({ request, inputs }: BatchTask, other: RunRequest, otherInputs: TensorMap): boolean {
    return (
      request.signature === other.signature && haveSameRows(inputs, otherInputs, this.#options.isPadding)
    );
  }

  /** It waits no longer. */
  #forget(batch: Batch): void {
    if (remove(this.#waiting, batch)) this.#waitingRows -= batch.rows;
    remove(this.#open, batch);
  }

  #findOpen(request: RunRequest): Batch | undefined {
    for (const batch of this.#open) {
      if (batch.priority !== (request.priority ?? 0)) continue;
      if (this.#canShare(batch.firstTask, request, request.inputs)) return batch;
    }
    return undefined;
  }

  #openAnother({ priority = 0 }: RunRequest): Batch {
    const batch = new Batch(this, this.#options.flow, priority);
    this.#waiting.push(batch);
    this.#open.push(batch);
    return batch;
  }

  #close(batch: Batch): void {
    remove(this.#open, batch);
    this.#options.dispatcher.fill(batch);
  }

  #setDue(batch: Batch): void {
    const { policy, dispatcher } = this.#options;
    const before = batch.dueMs;
    batch.dueMs = this.#isDraining ? Number.NEGATIVE_INFINITY : policy.dueMs(batch);
    if (batch.dueMs !== before) dispatcher.reschedule(batch);
  }

  #refuse(rows: number, error: ServingError): ServingError {
    const { id, observer } = this.#options;
    notifyRefusal(observer, { id, rows, error });
    return error;
  }
}

/** Rows of all inputs, in arrays of our own; small ones share their memory. */
function copyRows(slab: Slab, inputs: TensorMap, start: number, end: number): TensorMap {
  const copies: Record<string, Tensor> = {};
  for (const alias of Object.keys(inputs))
    putTensor(copies, alias, copy(slab, inputs[alias] as Tensor, start, end));
  return copies;
}

function copy(slab: Slab, tensor: Tensor, start: number, end: number): Tensor {
  const { dtype, shape } = tensor;
  const rowSize = tensor.data.length / (shape[0] as number);
  const data = slab.copy(tensor, start * rowSize, end * rowSize);
  if (data === undefined) return sliceRows(tensor, start, end);
  return { dtype, shape: [end - start, ...shape.slice(1)], data };
}
