/**
 * What a program would use instead: onnxruntime-node on its main thread, against a server with two batch threads.
 *
 * Requests arrive at a given rate and do not wait for answers; a request's time counts from when it was due, so an event
 * loop that is held is not forgiven the requests that it was late to send.
 *
 *     node bench/peers/onnxruntime-node.mjs
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelServer } from 'servable';
import { withLoopDelay } from '../support/event-loop.mjs';
import { assertAnswer, spinInputs, turnsFor } from '../support/inputs.mjs';
import { spin } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { officialFeeds, openOfficial } from '../support/official.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, percentile, spread } from '../support/stats.mjs';

const windowMs = 1500;
const repeats = 5;

/** @typedef {(inputs: import('servable').TensorMap) => Promise<Record<string, { readonly data: unknown }>>} Answer */

const model = new ModelFolder().write('spin', spin());
const models = [{ name: model.name, basePath: model.basePath }];
const server = await new ModelServer({ models, numBatchThreads: 2, pollIntervalMs: 0 }).start();
const session = await openOfficial(model.file);

/** @type {Record<string, Answer>} */
const contestants = {
  'onnxruntime-node': (inputs) => session.run(officialFeeds(inputs)),
  servable: async (inputs) => (await server.predict(model.name, inputs)).outputs,
};

printHead('Requests to onnxruntime-node on the main thread, and to a server', [
  'x float32 [1, 256], n int64 []; one request is one run, unbatched; 2 batch threads, inline runs auto',
  `open loop, ${windowMs} ms at each rate, ${repeats} repeats, alternating; load 1 is what one core can do`,
  'every answer is checked; figures are medians of the repeats; loop delay by a 1 ms timer in the same process',
]);

/** @type {Record<string, string | number>[]} */
const table = [];
for (const runMs of [1, 10]) {
  const turns = await turnsFor(runMs, (inputs) => session.run(officialFeeds(inputs)));
  for (const load of [0.5, 0.9, 1.5]) table.push(...(await measure(runMs, turns, load)));
}
printTable(table);
await server.close();
await session.release();

/**
 * @param {number} runMs
 * @param {number} turns
 * @param {number} load of one core
 */
async function measure(runMs, turns, load) {
  const rate = (load / runMs) * 1000;
  /** @type {Map<string, Awaited<ReturnType<typeof offer>>[]>} */
  const seen = new Map(Object.keys(contestants).map((name) => [name, []]));
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [name, answer] of Object.entries(contestants))
      seen.get(name)?.push(await offer(answer, rate, turns));
  }
  return [...seen].map(([name, results]) => {
    const rates = results.map(({ answeredPerSecond }) => answeredPerSecond);
    return {
      'run ms': runMs,
      load,
      'offered/s': rate,
      by: name,
      'answered/s': median(rates),
      repeats: spread(rates, 0),
      'p50 ms': median(results.map(({ latenciesMs }) => median(latenciesMs))),
      'p99 ms': median(results.map(({ latenciesMs }) => percentile(latenciesMs, 0.99))),
      'loop p99 ms': median(results.map(({ p99Ms }) => p99Ms)),
      'loop worst ms': median(results.map(({ worstMs }) => worstMs)),
    };
  });
}

/**
 * @param {Answer} answer
 * @param {number} rate requests for each second
 * @param {number} turns
 */
async function offer(answer, rate, turns) {
  const { inputs, expected } = spinInputs(turns);
  /** @type {number[]} */
  const latenciesMs = [];
  const started = performance.now();
  /** @param {number} dueAt */
  const request = async (dueAt) => {
    assertAnswer(await answer(inputs), expected);
    latenciesMs.push(performance.now() - dueAt);
  };
  const total = Math.round((rate * windowMs) / 1000);
  const { worstMs, p99Ms } = await withLoopDelay(async () => {
    /** @type {Promise<void>[]} */
    const requests = [];
    while (requests.length < total) {
      const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * rate));
      while (requests.length < due) requests.push(request(started + ((requests.length + 1) / rate) * 1000));
      await sleep(1);
    }
    await Promise.all(requests);
  });
  return { latenciesMs, answeredPerSecond: (total / (performance.now() - started)) * 1000, worstMs, p99Ms };
}
