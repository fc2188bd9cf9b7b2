// A thread that does as it is told by the file name of the session to open: for tests of what happens when threads die.
import { parentPort, workerData } from 'node:worker_threads';

/** @param {unknown} message */
const send = (message) => parentPort?.postMessage(message);

if (workerData.diesAtStart) process.exit(3);

parentPort?.on('message', (request) => {
  if (request.kind === 'exit') parentPort?.close();
  else if (request.file === 'exit') process.exit(7);
  else if (request.file === 'throw') throw new Error('a bug in the thread');
  else if (request.file === 'exhaust') exhaust();
  else send({ kind: 'done' });
});
send({ kind: 'ready' });

/** Fills the heap. */
function exhaust() {
  const hoard = [];
  for (;;) hoard.push(new Array(1000).fill({}));
}
