import { setTimeout as sleep } from 'node:timers/promises';
import { mean, median } from './stats.mjs';

/** What the process has in memory, in MiB, without what the garbage collector can give back. Needs `--expose-gc`. */
export async function settledMegabytes() {
  // The memory of typed arrays is given back by another thread, some time after a collection.
  for (let collection = 0; collection < 2; collection++) {
    globalThis.gc?.();
    await sleep(10);
  }
  return process.memoryUsage.rss() / 2 ** 20;
}

/**
 * What samples of memory say, in MiB. The first tenth of them is warm-up.
 *
 * @param {readonly number[]} samples at least 10
 */
export function memoryGrowth(samples) {
  const warm = samples.slice(Math.ceil(samples.length / 10));
  const few = Math.max(1, Math.floor(warm.length / 10));
  const start = median(warm.slice(0, few));
  const end = median(warm.slice(-few));
  return { start, end, growth: end - start, maxOverMean: Math.max(...warm) - mean(warm) };
}
