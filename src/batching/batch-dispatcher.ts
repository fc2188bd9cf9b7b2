import PQueue from 'p-queue';
import { type Clock, systemClock } from '../core/clock.js';
import type { ServingError } from '../core/errors.js';
import { assertKeys, assertNumber, assertObject } from '../core/option-check.js';
import type { Batch } from './batch.js';
import { createDeadlineTimer } from './deadline/create-deadline-timer.js';
import type { DeadlineTimer } from './deadline/deadline-timer.js';
import { FairQueue, type FairQueueOptions } from './fair-queue.js';
import { Flow } from './flow.js';
import { remove } from './remove.js';

/** How many batches run at a time, and by which clock. */
export interface BatchDispatcherOptions {
  /** Batches that run at once. As many as the engine has batch threads: a batch that is handed over is closed. */
  readonly numBatchThreads: number;
  /** @default the system's */
  readonly clock?: Clock;
}

/**
 * Says which batch runs when: one for all models that share the threads.
 *
 * ```
 *   first task ──► #open ── due, and a thread is idle ──┐
 *                    │                                  ├──► p-queue, in fair order ──► runs
 *                    └── full ──────────────────────────┘        (concurrency: the threads)
 * ```
 *
 * A batch takes company until it runs, also while it waits in p-queue, as long as it is not full. While no thread is
 * idle, no batch is due, and no timer is set: how long each has waited is looked at when a thread gets free. What
 * comes in one stretch of JavaScript goes together, as nothing starts before the stretch is over but what is full.
 *
 * @example
 * ```ts
 * import { BatchDispatcher, batched, OnnxLoader, OrtEngine, tensor } from 'servable';
 *
 * const engine = new OrtEngine({ numBatchThreads: 2 });
 * engine.start();
 * const dispatcher = new BatchDispatcher({ numBatchThreads: 2 });
 * const loader = new OnnxLoader({ engine });
 * const load = async (version) =>
 *   batched(await loader.load({ model: 'digits', version }, `examples/models/digits/${version}`), {
 *     maxBatchSize: 32,
 *     dispatcher,
 *   });
 * const [first, second] = await Promise.all([load(1), load(2)]); // they share the threads fairly
 *
 * const signature = first.signatures.get('serving_default');
 * const inputs = { pixels: tensor('float32', [1, 64], new Float32Array(64)) };
 * const { label } = await first.run({ signature, inputs, outputs: ['label'] });
 * console.log(label.shape); // [ 1 ]
 * await Promise.all([first.unload(), second.unload()]);
 * await dispatcher.close();
 * await engine.close();
 * ```
 */
export class BatchDispatcher {
  /** @internal */
  readonly clock: Clock;
  /** Batches that run at once, at most. */
  readonly numBatchThreads: number;
  readonly #order = new FairQueue();
  readonly #queue: PQueue<FairQueue, FairQueueOptions>;
  readonly #timer: DeadlineTimer;
  /** Neither full nor due so far, as far as anybody has looked. */
  readonly #open: Batch[] = [];
  /** By model. */
  readonly #flows = new Map<string, { readonly flow: Flow; servables: number }>();
  /** What runs, and since when. */
  readonly #running: { readonly batch: Batch; readonly startedMs: number }[] = [];
  #isLookPending = false;

  /** @throws ServingError INVALID_ARGUMENT for a number of threads that is none. */
  constructor(options: BatchDispatcherOptions) {
    assertObject(options, 'options');
    assertKeys(options, '', ['numBatchThreads', 'clock']);
    const { numBatchThreads, clock = systemClock } = options;
    assertNumber(numBatchThreads, 'numBatchThreads', { min: 1, isInteger: true });
    this.clock = clock;
    this.numBatchThreads = numBatchThreads;
    this.#queue = new PQueue({ concurrency: numBatchThreads, queueClass: classOf(this.#order) });
    this.#timer = createDeadlineTimer(clock, () => this.#look());
  }

  /** @internal A model's claim on the threads, for one of its servables; to be given back by `leave`. */
  enter(model: string): Flow {
    const known = this.#flows.get(model) ?? { flow: new Flow(model), servables: 0 };
    known.servables++;
    this.#flows.set(model, known);
    return known.flow;
  }

  /** @internal Says that a servable of the model is gone. */
  leave(model: string): void {
    const known = this.#flows.get(model);
    if (known !== undefined && --known.servables === 0) this.#flows.delete(model);
  }

  /** @internal Takes in a batch that has its first task: it goes when it is due and a thread is idle. */
  open(batch: Batch): void {
    this.#open.push(batch);
    this.#lookSoon();
  }

  /** @internal Says that a batch is due earlier or later than it was. */
  reschedule(batch: Batch): void {
    if (this.#open.includes(batch)) this.#lookSoon();
  }

  /** @internal Says that a batch is full: it goes as soon as a thread is idle. */
  fill(batch: Batch): void {
    if (remove(this.#open, batch)) this.#enqueue(batch);
  }

  /** @internal Forgets a batch whose callers have all gone. */
  discard(batch: Batch): void {
    if (!remove(this.#open, batch)) this.#order.discard(batch);
  }

  /** @internal When each batch that runs is expected to end, on the clock. */
  busyUntilMs(nowMs: number): readonly number[] {
    return this.#running.map(({ batch, startedMs }) => batch.endMs(startedMs, nowMs));
  }

  /** Ends everything that waits, with this error. What runs goes on. */
  abandon(error: ServingError): void {
    for (const batch of [...this.#open, ...this.#order.entries()]) batch.abandon(error);
  }

  /** Ends the timer's thread. Whoever closes a dispatcher has closed what it dispatches for. */
  close(): Promise<void> {
    return this.#timer.close();
  }

  get #isBusy(): boolean {
    return this.#running.length === this.numBatchThreads;
  }

  #lookSoon(): void {
    if (this.#isLookPending || this.#isBusy) return;
    this.#isLookPending = true;
    queueMicrotask(() => {
      this.#isLookPending = false;
      this.#look();
    });
  }

  /** Sends what is due, and sets the timer for what will be. */
  #look(): void {
    if (this.#isBusy) return; // they are looked at when one is free
    const nowMs = this.clock.now();
    let nextMs = Number.POSITIVE_INFINITY;
    const due: Batch[] = [];
    for (const batch of this.#open) {
      if (batch.dueMs <= nowMs + toleranceMs) due.push(batch);
      else nextMs = Math.min(nextMs, batch.dueMs);
    }
    if (due.length > 1) this.#queue.pause(); // or the first of them would start, not the one that is next
    for (const batch of due) this.fill(batch);
    if (due.length > 1) this.#queue.start();
    if (nextMs < Number.POSITIVE_INFINITY && !this.#isBusy) this.#timer.set(nextMs);
    else this.#timer.clear();
  }

  #enqueue(batch: Batch): void {
    // Nobody awaits it: a batch's run settles its tasks, and never rejects.
    void this.#queue.add(() => this.#run(batch), { entry: batch });
  }

  async #run(batch: Batch): Promise<void> {
    const { flow } = batch;
    const charge = flow.start();
    const run = { batch, startedMs: this.clock.now() };
    this.#running.push(run);
    const giveOut = await batch.run();
    flow.finish((this.clock.now() - run.startedMs) * 1000, charge);
    remove(this.#running, run);
    this.#look(); // before p-queue chooses: what has become due meanwhile is among those that it chooses from
    // Who waits for the thread goes first: to give out answers, and to hear what their callers ask next, takes a while.
    if (this.#order.size > 0) setImmediate(giveOut);
    else giveOut();
  }
}

/** A timer may come this much early; a wait that is shorter is not worth another wake-up. */
const toleranceMs = 0.03;

/** p-queue makes its queue itself, and shows it to nobody. */
function classOf(order: FairQueue): new () => FairQueue {
  return function giveOrder() {
    return order;
  } as unknown as new () => FairQueue;
}
