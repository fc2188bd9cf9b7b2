import { type BarrierPlace, barrierCell, ThreadBarrier } from '../worker/thread-barrier.js';

/** How long a process that exits waits for its threads, in milliseconds. Runs are told to end, so it is short. */
const maxWaitMs = 5000;

/** One listener for all barriers: a host with many servers is not warned of a leak of listeners. */
const onProcessExit = new Set<() => void>();

function runOnProcessExit(): void {
  for (const onExit of onProcessExit) onExit();
}

/**
 * Lets a process exit while its threads are busy.
 *
 * `process.exit()` stops the JavaScript of every thread at once. A thread that is in the middle of native calls is
 * then refused its next one by Node, and the native side (koffi) has no answer to that but to abort the process. So
 * on exit no thread goes into native code any more, and those that are inside come out first.
 */
export class ExitBarrier {
  readonly #cells: Int32Array;
  readonly #memory: SharedArrayBuffer;
  readonly #free: number[];
  readonly #onExit: () => void;

  /**
   * @param threads threads at one time, at most.
   * @param terminate tells the threads that are inside to come out soon.
   */
  constructor(threads: number, terminate: () => void) {
    this.#memory = new SharedArrayBuffer((barrierCell.firstThread + threads) * Int32Array.BYTES_PER_ELEMENT);
    this.#cells = new Int32Array(this.#memory);
    this.#free = Array.from({ length: threads }, (_, thread) => barrierCell.firstThread + thread);
    this.#onExit = () => {
      Atomics.store(this.#cells, barrierCell.isClosed, 1);
      terminate();
      this.#waitUntilEmpty();
    };
    onProcessExit.add(this.#onExit);
    if (onProcessExit.size === 1) process.on('exit', runOnProcessExit);
  }

  /** A place for a new thread, which begins inside: it binds native functions before anything else. */
  take(): BarrierPlace {
    const index = this.#free.pop();
    if (index === undefined) throw new RangeError('More threads than places at the exit barrier');
    Atomics.store(this.#cells, index, 1);
    return { memory: this.#memory, index };
  }

  /** Takes back the place of a thread that has ended, however it ended. */
  giveBack({ memory, index }: BarrierPlace): void {
    new ThreadBarrier({ memory, index }).leave();
    this.#free.push(index);
  }

  close(): void {
    onProcessExit.delete(this.#onExit);
    if (onProcessExit.size === 0) process.off('exit', runOnProcessExit);
  }

  #waitUntilEmpty(): void {
    const end = performance.now() + maxWaitMs;
    for (let index = barrierCell.firstThread; index < this.#cells.length; index++) {
      Atomics.wait(this.#cells, index, 1, Math.max(0, end - performance.now()));
    }
  }
}
