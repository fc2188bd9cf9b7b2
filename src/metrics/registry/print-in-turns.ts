import { setImmediate as nextTurn } from 'node:timers/promises';
import { isOpenMetrics, type OwnRegistry } from './metric-registry.js';

/** Milliseconds of one turn of the event loop that go into printing, until the metric at hand is done. */
const maxTurnMs = 2;

/**
 * Everything that a registry holds, as it would print it, but not in one go: a hundred models make 16,000 lines, which take
 * some 20 ms, and requests are not to wait for them.
 *
 * @param names of the metrics, as they were registered
 */
export async function printInTurns(registry: OwnRegistry, names: readonly string[]): Promise<string> {
  const texts: string[] = [];
  let startedMs = performance.now();
  for (const name of names) {
    texts.push(await registry.getSingleMetricAsString(name));
    if (performance.now() - startedMs < maxTurnMs) continue;
    await nextTurn();
    startedMs = performance.now();
  }
  return isOpenMetrics(registry) ? `${texts.join('\n')}\n# EOF\n` : `${texts.join('\n\n')}\n`;
}
