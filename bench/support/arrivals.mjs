import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { randomSource } from './random.mjs';
import { percentile } from './stats.mjs';

/**
 * Calls `arrive` at random moments, at a given rate, whatever becomes of what came before: an open loop, with the
 * exponential gaps of a Poisson process. A thread that sleeps says when the next is due, as timers of the event loop come
 * in milliseconds only.
 *
 * @param {object} options
 * @param {number} options.perSecond
 * @param {number} options.forMs
 * @param {number} options.seed
 * @param {(dueAt: number) => void} options.arrive is told when it was due, on `performance.now`; a latency that counts
 *   from there does not forgive the event loop that it was late
 * @returns {Promise<{ arrivals: number, lateMs: { p99: number, worst: number } }>} how late `arrive` was called
 */
export async function poisson({ perSecond, forMs, seed, arrive }) {
  const dues = dueTimes(perSecond, forMs, randomSource(seed));
  const startAt = performance.now() + 50; // by then the thread has started
  const late = new Float64Array(dues.length);
  let next = 0;
  const arriveAll = () => {
    for (;;) {
      const dueAt = startAt + /** @type {number} */ (dues[next]);
      const now = performance.now();
      if (!(dueAt <= now)) return;
      late[next++] = now - dueAt;
      arrive(dueAt);
    }
  };
  const origin = performance.timeOrigin + startAt;
  const thread = new Worker(new URL(import.meta.url), { workerData: { dues, origin } });
  thread.on('message', arriveAll);
  await new Promise((resolve, reject) => thread.once('exit', resolve).once('error', reject));
  arriveAll();
  if (next < dues.length) throw new Error(`${dues.length - next} of ${dues.length} arrivals did not come`);
  return {
    arrivals: dues.length,
    lateMs: { p99: percentile([...late], 0.99), worst: late.reduce((a, b) => Math.max(a, b), 0) },
  };
}

/**
 * @param {number} perSecond
 * @param {number} forMs
 * @param {() => number} random
 */
function dueTimes(perSecond, forMs, random) {
  /** @type {number[]} */
  const dues = [];
  let due = 0;
  for (;;) {
    due -= (Math.log(1 - random()) / perSecond) * 1000;
    if (due > forMs) return Float64Array.from(dues);
    dues.push(due);
  }
}

/** Two messages are at least so far apart: what is due in between comes together. */
const gapMs = 0.1;

/**
 * In the thread.
 *
 * @param {{ dues: Float64Array, origin: number }} schedule
 * @param {import('node:worker_threads').MessagePort} port
 */
function keepTime({ dues, origin }, port) {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const nowMs = () => performance.timeOrigin + performance.now() - origin;
  let last = Number.NEGATIVE_INFINITY;
  for (const due of dues) {
    if (due <= last) continue; // was due when the last message went
    const waitMs = Math.max(due, last + gapMs) - nowMs();
    if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs);
    last = nowMs();
    port.postMessage(undefined);
  }
}

if (!isMainThread && workerData?.dues !== undefined) {
  const { parentPort } = await import('node:worker_threads');
  if (parentPort !== null) keepTime(workerData, parentPort);
}
