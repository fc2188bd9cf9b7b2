/**
 * Does a request notice that versions come and go? Predict latency of a steady model under constant load: quiet; while
 * versions of another model load, swap and unload every 200 ms; while its own do.
 *
 *     node bench/control/churn.mjs
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ModelServer } from 'servable';
import { poisson } from '../support/arrivals.mjs';
import { assertAnswer, rowsOf } from '../support/inputs.mjs';
import { mlp, tiny } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { checkAnswer, mlpQuestions } from '../support/questions.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, percentile, spread } from '../support/stats.mjs';
import { Versions } from '../support/versions.mjs';

const swapMs = 200;
const forMs = 2000;
const repeats = 7;
const folder = new ModelFolder();

const small = folder.write('small', tiny());
const large = folder.write('large', mlp());
const other = folder.write('other', mlp());
const questions = await mlpQuestions(large.file, 64);
const versionsOf = new Map([small, large, other].map((model) => [model, new Versions(model)]));
const smallInputs = { x: rowsOf(1) };
const smallAnswer = Float32Array.from(/** @type {Float32Array} */ (smallInputs.x.data), (x) => x / 2 + 2);

const series = {
  'small, inline': {
    model: small,
    perSecond: 1000,
    options: {},
    ask: async (/** @type {ModelServer} */ server) =>
      assertAnswer((await server.predict('small', smallInputs)).outputs, smallAnswer),
  },
  'small, on threads': {
    model: small,
    perSecond: 1000,
    options: { inlineRuns: /** @type {const} */ ('off') },
    ask: async (/** @type {ModelServer} */ server) =>
      assertAnswer((await server.predict('small', smallInputs)).outputs, smallAnswer),
  },
  '11.6 MB, on threads': {
    model: large,
    perSecond: 500,
    options: { inlineRuns: /** @type {const} */ ('off') },
    ask: async (/** @type {ModelServer} */ server, /** @type {number} */ index) => {
      const question = /** @type {(typeof questions)[number]} */ (questions[index % questions.length]);
      checkAnswer(/** @type {never} */ ((await server.predict('large', question.inputs)).outputs), question);
    },
  },
};

printHead('Requests while versions come and go', [
  `open loop, Poisson arrivals with a seed, ${forMs} ms each, ${repeats} repeats, alternating; medians; every answer is checked`,
  `a new version every ${swapMs} ms: it is loaded, takes over, and the one before is unloaded; of another model that is 11.6 MB`,
  'latency counts from when a request was due; 2 batch threads, 2 load threads, on 2 cores that the sender shares',
  'aim: p99 within 1.3 times of quiet; no request fails',
]);

/** @type {Record<string, string | number>[]} */
const rows = [];
for (const [name, { model, perSecond, options, ask }] of Object.entries(series)) {
  const models = [other, model].map(({ name: own, basePath }) => ({ name: own, basePath }));
  const server = await new ModelServer({
    models,
    pollIntervalMs: 20,
    numBatchThreads: 2,
    ...options,
  }).start();
  /** @type {Record<string, { p50: number[], p99: number[], worst: number[], swaps: number, failed: number, late: number[] }>} */
  const seen = {};
  const states = /** @type {const} */ (['quiet', 'other', 'same']);
  for (const state of states) seen[state] = { p50: [], p99: [], worst: [], swaps: 0, failed: 0, late: [] };

  for (let repeat = -1; repeat < repeats; repeat++) {
    for (let turn = 0; turn < states.length; turn++) {
      const state = /** @type {(typeof states)[number]} */ (states[(turn + repeat + 1) % states.length]);
      const stop = { isOver: false };
      const churned = state === 'quiet' ? 0 : churn(server, state === 'other' ? other : model, stop);
      /** @type {number[]} */
      const latencies = [];
      const pending = new Set();
      let failed = 0;
      const { lateMs } = await poisson({
        perSecond,
        forMs,
        seed: repeat + 10,
        arrive: (dueAt) => {
          const asked = ask(server, latencies.length)
            .catch((error) => {
              failed++;
              console.error(error);
            })
            .then(() => {
              latencies.push(performance.now() - dueAt);
              pending.delete(asked);
            });
          pending.add(asked);
        },
      });
      await Promise.all(pending);
      stop.isOver = true;
      const swaps = await churned;
      if (repeat < 0) continue; // warm-up
      const results = /** @type {(typeof seen)[string]} */ (seen[state]);
      results.p50.push(percentile(latencies, 0.5));
      results.p99.push(percentile(latencies, 0.99));
      results.worst.push(Math.max(...latencies));
      results.late.push(lateMs.p99);
      results.swaps += swaps;
      results.failed += failed;
    }
  }
  await server.close();
  const quiet = /** @type {(typeof seen)[string]} */ (seen.quiet);
  for (const state of states) {
    const results = /** @type {(typeof seen)[string]} */ (seen[state]);
    const ratios = results.p99.map((p99, index) => p99 / /** @type {number} */ (quiet.p99[index]));
    rows.push({
      requests: name,
      'versions come and go':
        state === 'quiet' ? 'none' : state === 'other' ? 'of another model' : 'of its own',
      swaps: results.swaps,
      failed: results.failed,
      'p50 ms': median(results.p50),
      'p99 ms': median(results.p99),
      'worst ms': median(results.worst),
      'p99, times quiet': median(ratios),
      repeats: spread(ratios, 2),
      'sent late p99 ms': median(results.late),
    });
  }
}
printTable(rows);

/**
 * Puts one version after the other in place, and takes the one before away when it has taken over.
 *
 * @param {ModelServer} server
 * @param {typeof small} model
 * @param {{ isOver: boolean }} stop
 */
async function churn(server, model, stop) {
  const { name } = model;
  const versions = /** @type {Versions} */ (versionsOf.get(model));
  let swaps = 0;
  while (!stop.isOver) {
    const before = server.status(name).find(({ state }) => state === 'AVAILABLE')?.id.version ?? 1;
    const next = delay(swapMs);
    const version = versions.deploy();
    await server.waitFor({ model: name, version: before }, 'END');
    versions.remove(before);
    await next;
    if (server.isReady({ model: name, version })) swaps++;
  }
  return swaps;
}
