import { isMainThread, workerData } from 'node:worker_threads';
import { bindOrtApi } from '../ort/c-api.js';
import { cell, type GuardSetup } from './guard-cells.js';
import { ThreadBarrier } from './thread-barrier.js';

if (isMainThread) throw new Error('runner/worker/guard.js is the entry of a thread; it is not imported');

const { libraryFile, runOptions, memory, tickMs, place } = workerData as GuardSetup;
const cells = new Int32Array(memory);
const barrier = new ThreadBarrier(place);
const api = bindOrtApi(libraryFile);
barrier.leave(); // a thread begins inside

/** Ticks without an inline run after which the guard goes to sleep. */
const quietTicks = 20;

Atomics.store(cells, cell.isReady, 1);
while (!isClosing()) {
  Atomics.wait(cells, cell.isArmed, 0); // no CPU until the next burst of inline runs
  watchBurst();
}

function watchBurst(): void {
  let seen = Atomics.load(cells, cell.sequence);
  for (let quiet = 0; quiet < quietTicks; quiet++) {
    Atomics.wait(cells, cell.isClosing, 0, tickMs);
    if (isClosing()) return;
    const sequence = Atomics.load(cells, cell.sequence);
    if (sequence !== seen) quiet = 0;
    // The run of one tick ago is still the run of now.
    else if (Atomics.load(cells, cell.isRunning) === 1) terminate();
    seen = sequence;
  }
  Atomics.store(cells, cell.isArmed, 0);
  // A run that began before the store saw the guard armed and did not wake it.
  if (Atomics.load(cells, cell.sequence) !== seen) Atomics.store(cells, cell.isArmed, 1);
}

function terminate(): void {
  if (!barrier.enter()) return;
  api.RunOptionsSetTerminate(runOptions);
  barrier.leave();
}

function isClosing(): boolean {
  return Atomics.load(cells, cell.isClosing) === 1;
}
