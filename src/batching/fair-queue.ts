import type { Queue, QueueAddOptions } from 'p-queue';
import type { ServingError } from '../core/errors.js';
import type { Flow } from './flow.js';
import { remove } from './remove.js';

type Run = () => Promise<unknown>;

/** What the queue must know of a batch to put it in its place. */
export interface QueueEntry {
  readonly flow: Flow;
  /** Higher goes first. */
  readonly priority: number;
  /** Ends it without a run. */
  abandon(error: ServingError): void;
}

export interface FairQueueOptions extends QueueAddOptions {
  readonly entry?: QueueEntry;
}

interface Waiting {
  readonly run: Run;
  readonly entry: QueueEntry;
}

interface PriorityClass {
  readonly priority: number;
  /** Oldest first. */
  readonly waiting: Waiting[];
  /** Batches of higher classes that went since one of this class did. */
  passedOver: number;
}

/** A class that was passed over this many times goes next: the lowest gets one thread in seventeen at the least. */
const maxPassedOver = 16;

/**
 * The order of batches: p-queue counts how many run, this says which is next.
 *
 * ```
 *   priority   2   ▒▒▒  ▒           the highest class first, unless a lower one was passed over 16 times;
 *              0   ▒▒▒▒▒▒▒▒  ▒▒  ▒   within it the flow that has used the threads least;
 *             -5   ▒                within that the oldest
 *                  └ flows ┘
 * ```
 */
export class FairQueue implements Queue<Run, FairQueueOptions> {
  /** Highest first; none is empty. */
  readonly #classes: PriorityClass[] = [];
  /** What the flow that went last had used: where a flow that comes back starts. */
  #nowMicros = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  enqueue(run: Run, options?: Partial<FairQueueOptions>): void {
    const entry = options?.entry as QueueEntry;
    entry.flow.enter(this.#nowMicros);
    this.#classOf(entry.priority).waiting.push({ run, entry });
    this.#size++;
  }

  dequeue(): Run | undefined {
    const next = this.#nextClass();
    if (next === undefined) return undefined;
    const first = leastUsed(next.waiting);
    this.#nowMicros = Math.max(this.#nowMicros, first.entry.flow.usedMicros);
    this.#remove(next, first);
    return first.run;
  }

  /** Takes out a batch whose callers have all gone; no effect where it does not wait. */
  discard(entry: QueueEntry): void {
    const own = this.#classes.find(({ priority }) => priority === entry.priority);
    const waiting = own?.waiting.find((it) => it.entry === entry);
    if (own === undefined || waiting === undefined) return;
    this.#remove(own, waiting);
    entry.flow.withdraw();
  }

  /** What waits. */
  entries(): readonly QueueEntry[] {
    return this.#waiting().map(({ entry }) => entry);
  }

  /** For p-queue's `sizeBy`, which nobody asks here. */
  filter(): Run[] {
    return this.#waiting().map(({ run }) => run);
  }

  /** For p-queue's method of that name: a batch keeps its priority, as its requests do. */
  setPriority(): void {}

  #waiting(): Waiting[] {
    return this.#classes.flatMap(({ waiting }) => waiting);
  }

  #classOf(priority: number): PriorityClass {
    const place = this.#classes.findIndex((it) => it.priority <= priority);
    const found = this.#classes[place];
    if (found?.priority === priority) return found;
    const added: PriorityClass = { priority, waiting: [], passedOver: 0 };
    this.#classes.splice(place < 0 ? this.#classes.length : place, 0, added);
    return added;
  }

  #nextClass(): PriorityClass | undefined {
    const next = this.#classes.find(({ passedOver }) => passedOver >= maxPassedOver) ?? this.#classes[0];
    if (next === undefined) return undefined;
    next.passedOver = 0;
    for (const lower of this.#classes) if (lower.priority < next.priority) lower.passedOver++;
    return next;
  }

  #remove(from: PriorityClass, gone: Waiting): void {
    remove(from.waiting, gone);
    this.#size--;
    if (from.waiting.length === 0) remove(this.#classes, from);
  }
}

/** The oldest of the flow that has used least; there is one. */
function leastUsed(waiting: readonly Waiting[]): Waiting {
  return waiting.reduce((least, it) => (it.entry.flow.usedMicros < least.entry.flow.usedMicros ? it : least));
}
