import { percentile } from './stats.mjs';

/**
 * What callers met: latencies of the answers in milliseconds, and answers for each second.
 *
 * @typedef {{ readonly latenciesMs: number[], readonly perSecond: number }} Met
 */

/**
 * Closed loop: so many callers, each of whom asks, waits for the answer, and asks again. Answers that come after the
 * time is over do not count.
 *
 * @param {number} callers
 * @param {number} forMs
 * @param {(caller: number) => Promise<unknown>} ask asks, and checks the answer
 * @returns {Promise<Met>}
 */
export async function callInLoop(callers, forMs, ask) {
  /** @type {number[]} */
  const latenciesMs = [];
  const started = performance.now();
  const end = started + forMs;
  /** @param {number} caller */
  const call = async (caller) => {
    let now = performance.now();
    while (now < end) {
      const asked = now;
      await ask(caller);
      now = performance.now();
      if (now < end) latenciesMs.push(now - asked);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
  return { latenciesMs, perSecond: (latenciesMs.length / forMs) * 1000 };
}

/** @param {readonly number[]} latenciesMs */
export function latencyCells(latenciesMs) {
  return { 'p50 ms': percentile(latenciesMs, 0.5), 'p99 ms': percentile(latenciesMs, 0.99) };
}
