import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { endOfThread, noWake, timerCells } from './timer-cells.js';

if (isMainThread || parentPort === null) {
  throw new Error('batching/deadline/timer-thread.js is the entry of a thread; it is not imported');
}
const port = parentPort;
const { changes, wakeNs } = timerCells(workerData as SharedArrayBuffer);

port.postMessage('ready');
for (;;) {
  // Before the moment is read: a change after this makes the wait below return at once.
  const seen = Atomics.load(changes, 0);
  const wake = Atomics.load(wakeNs, 0);
  if (wake === endOfThread) break;
  const leftMs = wake === noWake ? Number.POSITIVE_INFINITY : Number(wake - process.hrtime.bigint()) / 1e6;
  if (leftMs > 0) Atomics.wait(changes, 0, seen, leftMs);
  // Only if it still stands: it is told once.
  else if (Atomics.compareExchange(wakeNs, 0, wake, noWake) === wake) port.postMessage(wake);
}
