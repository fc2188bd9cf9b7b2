/**
 * What batching adds to the latency of a request that has no company, beside the timeout that it was told to wait; and
 * what it costs while there are no requests.
 *
 *     node bench/batching/lone-latency.mjs
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelServer } from 'servable';
import { assertAnswer, rowsOf } from '../support/inputs.mjs';
import { tiny } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, percentile } from '../support/stats.mjs';

const timeouts = [0, 100, 500, 5000];
const requests = 500;
const idleMs = 3000;
const modes = /** @type {const} */ (['off', 'auto']);

const { basePath } = new ModelFolder().write('tiny', tiny());
const inputs = { x: rowsOf(1) };
const answer = Float32Array.from(/** @type {Float32Array} */ (inputs.x.data), (x) => x / 2 + 2);
/** @type {{ name: string, timeoutMicros: number, batching: import('servable').BatchingOptions | false }[]} */
const models = [
  { name: 'unbatched', timeoutMicros: 0, batching: false },
  ...timeouts.map((timeoutMicros) => ({
    name: `timeout ${timeoutMicros} µs`,
    timeoutMicros,
    batching: { maxBatchSize: 32, batchTimeoutMicros: timeoutMicros },
  })),
];

printHead('A request without company', [
  `a model of two operators, x float32 [1, 256]; one request at a time, 2 to 4 ms after the last answer; 2 batch threads`,
  `${requests} requests by each, alternating; every answer is checked`,
  'added: latency, less the median of the unbatched one, less the timeout; for the unbatched one itself, how it scatters',
  'aims: added at the median at most 30 µs for timeout 0, and 100 µs for others; no CPU while idle',
]);
/** @type {Record<string, string | number>[]} */
const table = [];
/** @type {Record<string, string | number>[]} */
const idle = [];
for (const inlineRuns of modes) {
  const server = await new ModelServer({
    models: models.map(({ name, batching }) => ({ name, basePath, batching })),
    inlineRuns,
    numBatchThreads: 2,
    pollIntervalMs: 0,
  }).start();
  table.push(...(await measure(server)).map((row) => ({ 'inline runs': inlineRuns, ...row })));
  await sleep(200);
  const before = process.cpuUsage();
  await sleep(idleMs);
  const { user, system } = process.cpuUsage(before);
  idle.push({ 'inline runs': inlineRuns, 'idle s': idleMs / 1000, 'CPU ms': (user + system) / 1000 });
  await server.close();
}
printTable(table);
printTable(idle);

/** @param {ModelServer} server */
async function measure(server) {
  /** @type {Map<string, number[]>} */
  const seen = new Map(models.map(({ name }) => [name, []]));
  for (let round = -50; round < requests; round++) {
    for (let turn = 0; turn < models.length; turn++) {
      const { name } = /** @type {typeof models[number]} */ (
        models[(Math.abs(round) + turn) % models.length]
      );
      await sleep(2 + (turn % 3));
      const asked = performance.now();
      const { outputs } = await server.predict(name, inputs);
      if (round >= 0) seen.get(name)?.push((performance.now() - asked) * 1000);
      assertAnswer(outputs, answer);
    }
  }
  const base = median(seen.get('unbatched') ?? []);
  return models.map(({ name, timeoutMicros }) => {
    const micros = seen.get(name) ?? [];
    const added = micros.map((each) => each - base - timeoutMicros);
    return {
      model: name,
      'latency p50 µs': median(micros),
      'added p50 µs': median(added),
      'added p99 µs': percentile(added, 0.99),
      'added least µs': Math.min(...added),
    };
  });
}
