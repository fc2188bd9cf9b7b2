// Hot path: once for each request. Guarded by bench/batching/cpu-per-request.mjs.
import { deferred } from '../core/deferred.js';
import { cancelled, type ServingError } from '../core/errors.js';
import type { RunRequest, WaitingRequests } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import { Slab } from '../core/slab.js';
import type { TensorMap } from '../core/tensor.js';
import { Batch, type BatchOwner } from './batch.js';
import type { BatchDispatcher } from './batch-dispatcher.js';
import { expired, queueFull, queueTooFull, unloaded } from './batch-errors.js';
import type { BatchPolicy } from './batch-policy.js';
import type { BatchRunner } from './batch-runner.js';
import { BatchTask, type TaskOwner } from './batch-task.js';
import { type BatchingObserver, notifyRefusal } from './batching-observer.js';
import { copyRows } from './copy-rows.js';
import type { Flow } from './flow.js';
import { WaitingBatches } from './waiting-batches.js';

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
 * - At most `maxEnqueuedBatches` wait, but for the pieces of a large request that found none waiting.
 * - None of them is without tasks. None is larger than the policy's `maxRows` was when its last task came.
 * - A task that does not fit closes the open batch: tasks of a kind run in the order of their coming.
 */
export class BatchQueue implements BatchOwner, TaskOwner {
  readonly #options: BatchQueueOptions;
  readonly #waiting: WaitingBatches;
  readonly #slab = new Slab();
  #isDraining = false;
  #isClosed = false;
  /** Tasks that were taken in and are not settled yet. */
  #unsettled = 0;
  /** Batches that run. Nobody may wait for their answers any more, but the servable is in use until they end. */
  #running = 0;
  readonly #ended = deferred<void>();

  constructor(options: BatchQueueOptions) {
    this.#options = options;
    this.#waiting = new WaitingBatches(options.isPadding);
  }

  get waiting(): WaitingRequests {
    const { all, rows, count } = this.#waiting;
    return { requests: all.reduce((sum, { tasks }) => sum + tasks.length, 0), rows, batches: count };
  }

  /**
   * Takes in a request that fits into a batch; its inputs are copied.
   *
   * @throws ServingError UNAVAILABLE where there is no room, CANCELLED where it is aborted already.
   */
  add(request: RunRequest, rows: number): Promise<TensorMap> {
    const { id, policy } = this.#options;
    this.#assertTaken(request, rows);
    const open = this.#waiting.findOpen(request);
    const { count } = this.#waiting;
    if (!this.#hasRoom(open, rows) && count >= policy.maxEnqueuedBatches) {
      throw this.#refuse(rows, queueFull(id, count, policy.maxEnqueuedBatches));
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
    const { policy } = this.#options;
    this.#assertTaken(request, rows);
    this.#assertRoom(request, rows);
    const { maxRows } = policy;
    const pieces: { readonly inputs: TensorMap; readonly rows: number }[] = [];
    for (let start = 0; start < rows; start += maxRows) {
      const end = Math.min(rows, start + maxRows);
      pieces.push({ inputs: copyRows(this.#slab, request.inputs, start, end), rows: end - start });
    }
    // When all is copied: there may be no memory for it, and then none of it has been taken in.
    return pieces.map((piece) =>
      this.#place(this.#waiting.findOpen(request), request, piece.inputs, piece.rows),
    );
  }

  /** What waits goes as soon as a thread is idle, and so does what may come yet. */
  drain(): void {
    this.#isDraining = true;
    for (const batch of this.#waiting.open) this.#setDue(batch);
  }

  /** Ends what waits, with this error; what runs is not tried again. Whoever calls it lets nothing in afterwards. */
  abandon(error: ServingError): void {
    this.#options.runner.abandon(error);
    for (const batch of [...this.#waiting.all]) batch.abandon(error);
  }

  /** Takes no more requests; resolves when those that were taken are settled, and no run is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.drain();
    this.#endIfIdle();
    await this.#ended.promise;
  }

  async run(batch: Batch): Promise<() => void> {
    this.#running++;
    this.#waiting.remove(batch);
    this.#select(batch);
    const giveOut = await this.#options.runner.run(batch.tasks);
    this.#running--;
    this.#endIfIdle();
    return giveOut;
  }

  endMs({ rows }: Batch, startedMs: number, nowMs: number): number {
    return this.#options.policy.endMs({ rows, startedMs }, nowMs);
  }

  onLeft(batch: Batch, task: BatchTask, error: ServingError): void {
    const { id, observer, dispatcher } = this.#options;
    notifyRefusal(observer, { id, rows: task.rows, error });
    if (!batch.isEmpty) {
      this.#setDue(batch);
      return;
    }
    this.#waiting.remove(batch);
    dispatcher.discard(batch);
  }

  onSettled(): void {
    this.#unsettled--;
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#isClosed && this.#unsettled === 0 && this.#running === 0) this.#ended.resolve();
  }

  /** Whether a request may come in at all, as far as there is room. */
  #assertTaken({ signal }: RunRequest, rows: number): void {
    if (signal?.aborted) throw cancelled(signal);
    const { id, policy, dispatcher } = this.#options;
    if (this.#isClosed) throw unloaded(id);
    if (policy.refuse === undefined) return;
    const nowMs = dispatcher.clock.now();
    const error = policy.refuse({
      rows,
      waitingRows: this.#waiting.rows,
      firstArrivalMs: this.#waiting.oldest?.firstArrivalMs ?? Number.POSITIVE_INFINITY,
      busyUntilMs: dispatcher.busyUntilMs(nowMs),
      nowMs,
    });
    if (error !== undefined) throw this.#refuse(rows, error);
  }

  #assertRoom(request: RunRequest, rows: number): void {
    const { id, policy } = this.#options;
    const { maxRows, maxEnqueuedBatches } = policy;
    const openRows = this.#waiting.findOpen(request)?.rows ?? 0;
    const waiting = this.#waiting.count;
    const room = (maxEnqueuedBatches - waiting) * maxRows + (openRows === 0 ? 0 : maxRows - openRows);
    if (rows <= room || waiting === 0) return;
    const found = { rows, capacity: Math.max(0, room), waiting, openRows, maxRows, maxEnqueuedBatches };
    throw this.#refuse(rows, queueTooFull(id, found));
  }

  #hasRoom(open: Batch | undefined, rows: number): open is Batch {
    return open !== undefined && open.rows + rows <= this.#options.policy.maxRows;
  }

  #place(open: Batch | undefined, request: RunRequest, inputs: TensorMap, rows: number): Promise<TensorMap> {
    const { policy, dispatcher } = this.#options;
    const task = new BatchTask(request, inputs, rows, dispatcher.clock.now(), this);
    this.#unsettled++;
    const hasRoom = this.#hasRoom(open, rows);
    if (open !== undefined && !hasRoom) this.#close(open);
    const batch = hasRoom ? open : new Batch(this, this.#options.flow, request.priority ?? 0);
    batch.add(task);
    this.#setDue(batch);
    if (!hasRoom) {
      this.#waiting.add(batch, true);
      dispatcher.open(batch);
    }
    if (batch.rows >= policy.maxRows) this.#close(batch);
    return task.promise;
  }

  #close(batch: Batch): void {
    this.#waiting.close(batch);
    this.#options.dispatcher.fill(batch);
  }

  #setDue(batch: Batch): void {
    const { policy, dispatcher } = this.#options;
    const before = batch.dueMs;
    batch.dueMs = this.#isDraining ? Number.NEGATIVE_INFINITY : policy.dueMs(batch);
    if (batch.dueMs !== before) dispatcher.reschedule(batch);
  }

  /** Leaves a batch with the tasks that are to run now: who would be late is ended, others may take the place. */
  #select(batch: Batch): void {
    const { id, policy, dispatcher } = this.#options;
    const nowMs = dispatcher.clock.now();
    let isAnyLate = false;
    while (!batch.isEmpty) {
      this.#level(batch, policy.rowsFor(batch, nowMs));
      const late = batch.tasks.filter(({ arrivedMs }) => nowMs > policy.latestStartMs(arrivedMs, batch.rows));
      if (late.length === 0) break;
      batch.keep(batch.tasks.filter((task) => !late.includes(task)));
      for (const task of late) task.reject(this.#refuse(task.rows, expired(id)));
      isAnyLate = true;
    }
    if (isAnyLate) policy.onAnswer(Number.POSITIVE_INFINITY);
  }

  /** Gives a batch that starts so many rows, from or to the next batch of its kind; one task at the least stays. */
  #level(batch: Batch, rows: number): void {
    for (let next = this.#waiting.nextOf(batch); next !== undefined; next = this.#waiting.nextOf(batch)) {
      const fitting = next.firstWithin(rows - batch.rows);
      if (fitting.length === 0) break;
      const rest = next.tasks.slice(fitting.length);
      for (const task of fitting) batch.add(task);
      next.keep(rest);
      if (!next.isEmpty) break;
      this.#waiting.remove(next);
      this.#options.dispatcher.discard(next);
    }
    const staying = Math.max(1, batch.firstWithin(rows).length);
    if (staying === batch.tasks.length) return;
    const excess = batch.tasks.slice(staying);
    batch.keep(batch.tasks.slice(0, staying));
    this.#putBack(excess, batch);
  }

  /** Lets tasks of a batch that starts wait on, ahead of those that came later. */
  #putBack(tasks: readonly BatchTask[], batch: Batch): void {
    const next = this.#waiting.nextOf(batch) ?? new Batch(this, batch.flow, batch.priority);
    next.keep([...tasks, ...next.tasks]);
    if (this.#waiting.has(next)) return;
    this.#waiting.add(next, false);
    this.#options.dispatcher.open(next);
    this.#options.dispatcher.fill(next);
  }

  #refuse(rows: number, error: ServingError): ServingError {
    const { id, observer } = this.#options;
    notifyRefusal(observer, { id, rows, error });
    return error;
  }
}
