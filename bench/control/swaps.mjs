/**
 * 1,000 versions of a model, one after the other, under constant load: does a request ever fail, or go back?
 *
 *     node bench/control/swaps.mjs
 */
import { ModelServer } from 'servable';
import { poisson } from '../support/arrivals.mjs';
import { assertAnswer, rowsOf } from '../support/inputs.mjs';
import { settledMegabytes } from '../support/memory.mjs';
import { tiny } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { percentile } from '../support/stats.mjs';
import { Versions } from '../support/versions.mjs';

const swaps = 1000;
const perSecond = 500;
const folder = new ModelFolder();
const inputs = { x: rowsOf(1) };
const expected = Float32Array.from(/** @type {Float32Array} */ (inputs.x.data), (x) => x / 2 + 2);

printHead('1,000 version swaps under load', [
  `open loop, ${perSecond} requests a second at random for as long as it takes; a model of two operators; every answer is checked`,
  'found on disk: the highest version is served, polled every 5 ms; by label: each change adds a version and moves the label to it',
  'went back: a request that was answered by an older version than one that was answered before it was sent',
  'aim: no request fails',
]);

/** @type {Record<string, string | number>[]} */
const rows = [];
for (const way of /** @type {const} */ (['found on disk', 'by label'])) {
  const model = folder.write(way.replaceAll(' ', '-'), tiny());
  const versions = new Versions(model);
  const { name, basePath } = model;
  const isByLabel = way === 'by label';
  const labelled = (/** @type {number} */ version) => ({
    name,
    basePath,
    versionPolicy: { specific: [version] },
    labels: { stable: version },
  });
  const server = await new ModelServer({
    models: [isByLabel ? labelled(1) : { name, basePath }],
    pollIntervalMs: isByLabel ? 0 : 5,
    numBatchThreads: 2,
  }).start();
  const spec = isByLabel ? { model: name, label: 'stable' } : name;

  const beforeMb = await settledMegabytes();
  const startedAt = performance.now();
  let isOver = false;
  const swapping = (async () => {
    for (let swap = 0; swap < swaps; swap++) {
      const version = versions.deploy();
      if (isByLabel) await server.reconfigure([labelled(version)]);
      else await server.waitFor({ model: name, version: version - 1 }, 'END');
      versions.remove(version - 1);
    }
    isOver = true;
  })();

  /** @type {number[]} */
  const latencies = [];
  let [failed, wentBack, highest] = [0, 0, 0];
  const ask = async (/** @type {number} */ dueAt) => {
    const highestThen = highest;
    try {
      const { id, outputs } = await server.predict(spec, inputs);
      assertAnswer(outputs, expected);
      if (id.version < highestThen) wentBack++;
      highest = Math.max(highest, id.version);
    } catch (error) {
      if (failed++ === 0) console.error(error);
    }
    latencies.push(performance.now() - dueAt);
  };
  for (let seed = 1; !isOver; seed++) {
    /** @type {Promise<void>[]} */
    const asked = [];
    await poisson({ perSecond, forMs: 1000, seed, arrive: (dueAt) => void asked.push(ask(dueAt)) });
    await Promise.all(asked);
  }
  await swapping;
  const seconds = (performance.now() - startedAt) / 1000;
  rows.push({
    versions: way,
    swaps,
    'swaps/s': swaps / seconds,
    requests: latencies.length,
    failed,
    'went back': wentBack,
    'p50 ms': percentile(latencies, 0.5),
    'p99 ms': percentile(latencies, 0.99),
    'memory grew by MB': (await settledMegabytes()) - beforeMb,
  });
  await server.close();
}
printTable(rows);
