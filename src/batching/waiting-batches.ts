import type { RunRequest } from '../core/servable.js';
import type { TensorMap } from '../core/tensor.js';
import type { Batch } from './batch.js';
import type { BatchTask } from './batch-task.js';
import { remove } from './remove.js';
import { haveSameRows } from './row-shape.js';

/**
 * The batches of a version that do not run yet. Those among them that take tasks are open: one for each signature, row
 * shape and priority.
 */
export class WaitingBatches {
  // Arrays, as they are short and change with every batch: the tables that a Set leaves behind when it grows anew keep
  // each other, and all that was ever in them, from the garbage collector's short way.
  readonly #all: Batch[] = [];
  readonly #open: Batch[] = [];
  readonly #isPadding: boolean;

  /** @param isPadding whether rows of different sizes may share a batch. */
  constructor(isPadding: boolean) {
    this.#isPadding = isPadding;
  }

  get count(): number {
    return this.#all.length;
  }

  /** Rows of all of them. */
  get rows(): number {
    return this.#all.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** The one that waits longest. */
  get oldest(): Batch | undefined {
    return this.#all[0];
  }

  get all(): readonly Batch[] {
    return this.#all;
  }

  get open(): readonly Batch[] {
    return this.#open;
  }

  add(batch: Batch, isOpen: boolean): void {
    this.#all.push(batch);
    if (isOpen) this.#open.push(batch);
  }

  /** It waits on, and takes no more tasks. */
  close(batch: Batch): void {
    remove(this.#open, batch);
  }

  remove(batch: Batch): void {
    remove(this.#all, batch);
    remove(this.#open, batch);
  }

  has(batch: Batch): boolean {
    return this.#all.includes(batch);
  }

  /** The batch that a request may join, whether or not there is room in it. */
  findOpen(request: RunRequest): Batch | undefined {
    const priority = request.priority ?? 0;
    for (const batch of this.#open) {
      if (batch.priority === priority && this.#canShare(batch.firstTask, request, request.inputs))
        return batch;
    }
    return undefined;
  }

  /** The first one whose tasks may share a run with those of this batch. */
  nextOf({ firstTask, priority }: Batch): Batch | undefined {
    const { request, inputs } = firstTask;
    return this.#all.find(
      (other) => other.priority === priority && this.#canShare(other.firstTask, request, inputs),
    );
  }

  #canShare({ request, inputs }: BatchTask, other: RunRequest, otherInputs: TensorMap): boolean {
    return request.signature === other.signature && haveSameRows(inputs, otherInputs, this.#isPadding);
  }
}
