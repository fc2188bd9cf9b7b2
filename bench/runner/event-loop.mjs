/**
 * The worst delay of the event loop while a model of 100 MB loads, and while runs of 100 ms go through.
 *
 *     node bench/runner/event-loop.mjs
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { withLoopDelay } from '../support/event-loop.mjs';
import { assertAnswer, rowsOf, spinInputs, turnsFor } from '../support/inputs.mjs';
import { heavy, spin } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { officialFeeds, openOfficial } from '../support/official.mjs';
import { openEngine, runServable } from '../support/ours.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, spread } from '../support/stats.mjs';

const repeats = 7;
const runs = 8;

const folder = new ModelFolder();
const heavyModel = folder.write('heavy', heavy(100));
const spinModel = folder.write('spin', spin());
const { engine, load } = openEngine();
const spinning = await load(spinModel);
const officialSpinning = await openOfficial(spinModel.file);
const turns = await turnsFor(100, (inputs) => runServable(spinning, inputs));
const { inputs: spinFeed, expected: spun } = spinInputs(turns);
const heavyFeed = { x: rowsOf(1) };

/** @type {Record<string, () => Promise<unknown>>} What is measured: each checks its answers. */
const works = {
  'nothing (for comparison)': () => sleep(300),
  'load of 100 MB: servable': async () => (await load(heavyModel)).unload(),
  'load of 100 MB: official': async () => (await openOfficial(heavyModel.file)).release(),
  [`${runs} runs of 100 ms: servable`]: async () => {
    const answers = await Promise.all(Array.from({ length: runs }, () => runServable(spinning, spinFeed)));
    for (const answer of answers) assertAnswer(answer, spun);
  },
  [`${runs} runs of 100 ms: official`]: async () => {
    const feeds = officialFeeds(spinFeed);
    const answers = await Promise.all(Array.from({ length: runs }, () => officialSpinning.run(feeds)));
    for (const answer of answers) assertAnswer(answer, spun);
  },
};

printHead('Event-loop delay', [
  `x float32 [1, 256]; 2 batch threads, 2 load threads; a 1 ms timer, ${repeats} repeats, alternating`,
  'aims, for the worst delay: below 60 ms while a model loads, below 30 ms while models run',
]);

await assertSameAnswer();
/** @type {Map<string, { worst: number[], p99: number[], tookMs: number[] }>} */
const seen = new Map(Object.keys(works).map((name) => [name, { worst: [], p99: [], tookMs: [] }]));
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const [name, work] of Object.entries(works)) {
    const started = performance.now();
    const { worstMs, p99Ms } = await withLoopDelay(work);
    seen.get(name)?.tookMs.push(performance.now() - started);
    seen.get(name)?.worst.push(worstMs);
    seen.get(name)?.p99.push(p99Ms);
  }
}
printTable(
  [...seen].map(([name, { worst, p99, tookMs }]) => ({
    while: name,
    'took ms': median(tookMs),
    'p99 ms': median(p99),
    'worst ms, median': median(worst),
    'worst ms, repeats': spread(worst),
  })),
);
await spinning.unload();
await engine.close();

async function assertSameAnswer() {
  const servable = await load(heavyModel);
  const official = await openOfficial(heavyModel.file);
  const { y } = await official.run(officialFeeds(heavyFeed));
  assertAnswer(await runServable(servable, heavyFeed), y?.data);
  await servable.unload();
  await official.release();
}
