/** The places in the memory that the host's thread and its execution threads share: one of its own for each thread. */
export const barrierCell = {
  /** 1 once the process is exiting: nobody goes in any more. */
  isClosed: 0,
  firstThread: 1,
} as const;

/** What a thread needs to find its place. */
export interface BarrierPlace {
  readonly memory: SharedArrayBuffer;
  readonly index: number;
}

/** A thread's side of the exit barrier: says whether it is inside native code, or on its way there. */
export class ThreadBarrier {
  readonly #cells: Int32Array;
  readonly #index: number;

  constructor({ memory, index }: BarrierPlace) {
    this.#cells = new Int32Array(memory);
    this.#index = index;
  }

  /** Goes inside; false where the process is exiting. */
  enter(): boolean {
    Atomics.store(this.#cells, this.#index, 1);
    if (Atomics.load(this.#cells, barrierCell.isClosed) === 0) return true;
    this.leave();
    return false;
  }

  leave(): void {
    Atomics.store(this.#cells, this.#index, 0);
    Atomics.notify(this.#cells, this.#index);
  }
}
