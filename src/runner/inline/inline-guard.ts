import { Worker } from 'node:worker_threads';
import { threadOptions } from '../../core/thread-options.js';
import type { OrtApi, Pointer } from '../ort/c-api.js';
import { createRunOptions } from '../ort/run-options.js';
import type { ExitBarrier } from '../threads/exit-barrier.js';
import { cell, type GuardSetup } from '../worker/guard-cells.js';

/** How often the guard looks whether an inline run has not ended, in milliseconds. */
const tickMs = 5;

/**
 * Ends inline runs that hold the host's thread for too long.
 *
 * What a run costs may depend on the values that it is given (a loop count, say), so a run that was short ten times
 * may be long the eleventh. The guard is a thread that looks every 5 ms while there are inline runs, and sleeps, at
 * no cost, while there are none: a run that lasts through two looks is told to terminate, which onnxruntime does
 * before the next operator. The host's thread is held for 10 ms plus one operator at the most.
 */
export class InlineGuard {
  readonly #api: OrtApi;
  readonly #libraryFile: string;
  readonly #barrier: ExitBarrier;
  readonly #cells = new Int32Array(new SharedArrayBuffer(cell.count * Int32Array.BYTES_PER_ELEMENT));
  /** Shared by all inline runs; there is only one at a time. */
  readonly runOptions: Pointer;
  #worker: Worker | undefined;
  #hasExited = false;

  constructor(api: OrtApi, libraryFile: string, barrier: ExitBarrier) {
    this.#api = api;
    this.#libraryFile = libraryFile;
    this.#barrier = barrier;
    this.runOptions = createRunOptions(api);
  }

  /** True while the guard watches. Asking starts it. */
  get isReady(): boolean {
    this.#worker ??= this.#start();
    return Atomics.load(this.#cells, cell.isReady) === 1;
  }

  /** Says that the host's thread is about to run. */
  enter(): void {
    Atomics.add(this.#cells, cell.sequence, 1);
    Atomics.store(this.#cells, cell.isRunning, 1);
    if (Atomics.compareExchange(this.#cells, cell.isArmed, 0, 1) === 0)
      Atomics.notify(this.#cells, cell.isArmed);
  }

  /** Says that the run is over. */
  leave(): void {
    Atomics.store(this.#cells, cell.isRunning, 0);
  }

  /** Takes a termination back, so that the next run is not ended too. */
  reset(): void {
    this.#api.RunOptionsUnsetTerminate(this.runOptions);
  }

  /** Ends the guard thread and gives its options back. No inline run may be under way. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker !== undefined && !this.#hasExited) {
      worker.ref(); // whoever closes the guard awaits its exit
      const exit = new Promise((resolve) => worker.once('exit', resolve));
      Atomics.store(this.#cells, cell.isClosing, 1);
      Atomics.store(this.#cells, cell.isArmed, 1);
      Atomics.notify(this.#cells, cell.isArmed);
      Atomics.notify(this.#cells, cell.isClosing);
      await exit;
    }
    this.#api.ReleaseRunOptions(this.runOptions);
  }

  #start(): Worker {
    const place = this.#barrier.take();
    const workerData: GuardSetup = {
      libraryFile: this.#libraryFile,
      runOptions: this.runOptions,
      memory: this.#cells.buffer as SharedArrayBuffer,
      place,
      tickMs,
    };
    const entry = new URL('../worker/guard.js', import.meta.url);
    const worker = new Worker(entry, { ...threadOptions, workerData, name: 'servable-guard' });
    worker.unref();
    worker.on('error', () => {}); // told by its exit
    worker.once('exit', () => {
      this.#barrier.giveBack(place);
      this.#hasExited = true;
      // Without its guard no run is inline; the runs go to the batch threads.
      Atomics.store(this.#cells, cell.isReady, 0);
    });
    return worker;
  }
}
