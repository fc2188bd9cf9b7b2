/**
 * 500 small models at once: how long until all are there, and what each costs in memory.
 *
 *     node bench/runner/many-models.mjs
 */
import { ModelServer } from 'servable';
import { inChild, runScenario } from '../support/child.mjs';
import { assertAnswer, rowsOf } from '../support/inputs.mjs';
import { settledMegabytes } from '../support/memory.mjs';
import { tiny } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { officialFeeds, openOfficial } from '../support/official.mjs';
import { openEngine, runServable } from '../support/ours.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, spread } from '../support/stats.mjs';

const count = 500;
const repeats = 5;
const inputs = { x: rowsOf(1) };

const scenarios = {
  /** By the loader: all asked for at once, the threads take one after the other. */
  loader: async () => {
    const { load } = openEngine();
    await warmUp(async (model) => {
      const servable = await load(model);
      return () => servable.unload();
    });
    return measure(async () => {
      const servables = await Promise.all(models().map(load));
      return (index) => runServable(/** @type {import('servable').Servable} */ (servables[index]), inputs);
    });
  },
  /** By the server, threads and library included. */
  server: () =>
    measure(async () => {
      const named = models().map(({ name, basePath }) => ({ name, basePath }));
      const server = await new ModelServer({ models: named, pollIntervalMs: 0 }).start();
      return async (index) => (await server.predict(`model-${index}`, inputs)).outputs;
    }),
  official: async () => {
    await warmUp(async ({ file }) => {
      const session = await openOfficial(file);
      return () => session.release();
    });
    return measure(async () => {
      const sessions = await Promise.all(models().map(({ file }) => openOfficial(file)));
      return (index) =>
        /** @type {import('onnxruntime-node').InferenceSession} */ (sessions[index]).run(
          officialFeeds(inputs),
        );
    });
  },
};

/** @type {ReturnType<ModelFolder['write']>[] | undefined} */
let written;

/** No two of which answer alike. */
function models() {
  if (written === undefined) {
    const folder = new ModelFolder();
    written = Array.from({ length: count }, (_, index) => folder.write(`model-${index}`, tiny(index)));
  }
  return written;
}

/** Loads one model and lets it go, so that the library and the threads are there.
 *
 * @param {(model: ReturnType<ModelFolder['write']>) => Promise<() => Promise<unknown>>} load
 */
async function warmUp(load) {
  for (const model of models().slice(0, 1)) await (await load(model))();
}

/**
 * @param {() => Promise<(index: number) => Promise<Record<string, { readonly data: unknown }>>>} start loads everything
 *   and returns what asks one model
 */
async function measure(start) {
  models();
  const before = await settledMegabytes();
  const started = performance.now();
  const ask = await start();
  const tookMs = performance.now() - started;
  const loaded = await settledMegabytes();
  for (let index = 0; index < count; index++) {
    const expected = Float32Array.from(/** @type {Float32Array} */ (inputs.x.data), (x) => x / 2 + index);
    assertAnswer(await ask(index), expected);
  }
  return { tookMs, loaded: loaded - before, used: (await settledMegabytes()) - before };
}

if (await runScenario(scenarios)) process.exit();

printHead(`${count} small models at once`, [
  'a model of two operators, x float32 [1, 256]; every model is asked once and answers as it should',
  `each repeat in a process of its own, ${repeats} repeats, alternating; 2 load threads, 2 batch threads`,
  'aims: below 2 s, below 0.5 MB for each model',
]);
/** @type {Record<string, Awaited<ReturnType<typeof measure>>[]>} */
const seen = { loader: [], server: [], official: [] };
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const [name, results] of Object.entries(seen)) results.push(await inChild(import.meta.url, name));
}
printTable(
  Object.entries(seen).map(([name, results]) => ({
    by: name,
    'all loaded ms': median(results.map(({ tookMs }) => tookMs)),
    repeats: spread(
      results.map(({ tookMs }) => tookMs),
      0,
    ),
    'MB for each, loaded': median(results.map(({ loaded }) => loaded)) / count,
    'MB for each, after a run': median(results.map(({ used }) => used)) / count,
  })),
);
