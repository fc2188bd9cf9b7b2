/**
 * Two batch threads on one session against one thread: throughput of a model that computes, memory of one that is large.
 *
 *     node bench/runner/shared-session.mjs
 */
import { inChild, runScenario } from '../support/child.mjs';
import { assertAnswer, heavyAnswer, rowsOf, spinInputs, turnsFor } from '../support/inputs.mjs';
import { settledMegabytes } from '../support/memory.mjs';
import { heavy, spin } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { openEngine, runServable } from '../support/ours.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, spread } from '../support/stats.mjs';

const repeats = 9;
const runs = 100;
const inFlight = 4;

const scenarios = { 1: () => megabytesWith(1), 2: () => megabytesWith(2) };

/**
 * What 100 MB of weights need, and more so once every thread has run them.
 *
 * @param {number} numBatchThreads
 */
async function megabytesWith(numBatchThreads) {
  const folder = new ModelFolder();
  const model = folder.write('heavy', heavy(100));
  const inputs = { x: rowsOf(1) };
  const expected = heavyAnswer(100, inputs.x);
  const { engine, load } = openEngine({ numBatchThreads, inlineRuns: 'off' });
  const small = await load(folder.write('spin', spin()));
  await Promise.all(Array.from({ length: 8 }, () => runServable(small, spinInputs(2000).inputs)));
  await small.unload(); // every thread has started
  const before = await settledMegabytes();
  const servable = await load(model);
  const loaded = await settledMegabytes();
  const answers = await Promise.all(Array.from({ length: 16 }, () => runServable(servable, inputs)));
  for (const answer of answers) assertAnswer(answer, expected);
  const used = await settledMegabytes();
  await servable.unload();
  await engine.close();
  return { loaded: loaded - before, used: used - before };
}

if (await runScenario(scenarios)) process.exit();

printHead('Two threads on one session', [
  `throughput: runs of 5 ms, x float32 [1, 256], ${inFlight} requests in flight, ${runs} runs a repeat, ${repeats} repeats, alternating`,
  'memory: a matrix of 100 MB, x float32 [1, 256], each in a process of its own',
]);

const model = new ModelFolder().write('spin', spin());
const pools = await Promise.all([1, 2].map(openPool));
const turns = await turnsFor(5, (inputs) => runServable(/** @type {any} */ (pools[0]).servable, inputs));
for (const pool of pools) await answerMany(pool);
for (let repeat = 0; repeat < repeats; repeat++)
  for (const pool of pools) pool.rates.push(await answerMany(pool));
const [one, two] = pools.map(({ rates }) => rates);
printTable(
  await Promise.all(
    pools.map(async ({ threads, rates }) => {
      const { loaded, used } = await inChild(import.meta.url, String(threads));
      return {
        'batch threads': threads,
        'runs/s': median(rates),
        repeats: spread(rates),
        'MB after load': loaded,
        'MB after runs': used,
      };
    }),
  ),
);
console.log(
  `two threads: ${median((two ?? []).map((rate, repeat) => rate / (one?.[repeat] ?? Number.NaN))).toFixed(2)} times one`,
);
for (const { servable, engine } of pools) {
  await servable.unload();
  await engine.close();
}

/** @param {number} threads */
async function openPool(threads) {
  const { engine, load } = openEngine({ numBatchThreads: threads, inlineRuns: 'off' });
  return { threads, engine, servable: await load(model), rates: /** @type {number[]} */ ([]) };
}

/** @param {{ servable: import('servable').Servable }} pool */
async function answerMany({ servable }) {
  const { inputs, expected } = spinInputs(turns);
  let left = runs;
  const started = performance.now();
  const caller = async () => {
    while (left-- > 0) assertAnswer(await runServable(servable, inputs), expected);
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  return (runs / (performance.now() - started)) * 1000;
}
