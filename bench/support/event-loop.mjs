import { percentile } from './stats.mjs';

/**
 * How late a timer of 1 ms comes while something goes on: what a request to the same process would wait.
 *
 * @template T
 * @param {() => T} work
 * @returns {Promise<{ result: Awaited<T>, worstMs: number, p99Ms: number }>}
 */
export async function withLoopDelay(work) {
  /** @type {number[]} */
  const delays = [];
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    delays.push(Math.max(0, now - last - 1));
    last = now;
  };
  const timer = setInterval(look, 1);
  try {
    const result = await work();
    look(); // what came to an end in this very turn
    return { result, worstMs: Math.max(...delays), p99Ms: percentile(delays, 0.99) };
  } finally {
    clearInterval(timer);
  }
}
