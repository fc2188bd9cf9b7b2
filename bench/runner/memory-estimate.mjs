/**
 * What a version says that it holds, before it is loaded and then, against what the process grows by; and what it costs to
 * load external data from a copy.
 *
 *     node bench/runner/memory-estimate.mjs
 *     node bench/runner/memory-estimate.mjs <version directory>…   # these as well, loaded and not run
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { OnnxLoader, OrtEngine, tensor } from 'servable';
import { inChild, runScenario } from '../support/child.mjs';
import { rowsOf } from '../support/inputs.mjs';
import { settledMegabytes } from '../support/memory.mjs';
import { heavy, heavyExternal, mlp, mlpWidth, tiny } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { runServable } from '../support/ours.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, spread } from '../support/stats.mjs';

const repeats = 5;
const dataFile = 'weights.bin';
const id = { model: 'm', version: 1 };
const MB = 2 ** 20;

/**
 * @typedef {{ path: string, session: import('servable').SessionOptions, columns?: number }} Subject what is loaded, and the
 *   columns of its `x`, where it is to be run
 */

/** Lets the peak begin at what there is now. Linux alone has it; elsewhere the peak is not known. */
function forgetPeak() {
  if (process.platform === 'linux') writeFileSync('/proc/self/clear_refs', '5');
}

/** The greatest resident set since then. */
function peakMegabytes() {
  if (process.platform !== 'linux') return Number.NaN;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}

const scenarios = {
  load: async () => {
    /** @type {{ first: string, subject: Subject }} */
    const { first, subject } = JSON.parse(process.env.SERVABLE_BENCH_SUBJECT ?? '');
    const engine = new OrtEngine({ numBatchThreads: 1, numLoadThreads: 1 });
    engine.start();
    const loader = new OnnxLoader({ engine, sessionOptions: () => subject.session });
    /** Brings the library and the threads; and what is freed back to the system, as an unload does. */
    const settle = async () => {
      await (await loader.load(id, first)).unload();
      return await settledMegabytes();
    };
    await settle();
    const estimate = (await loader.estimate(id, subject.path)) / MB;
    const before = await settle();
    forgetPeak();
    const started = performance.now();
    const servable = await loader.load(id, subject.path);
    const tookMs = performance.now() - started;
    const peak = peakMegabytes() - before;
    const grown = (await settle()) - before;
    const told = (servable.memoryBytes ?? Number.NaN) / MB;
    if (subject.columns !== undefined) {
      const x =
        subject.columns === mlpWidth
          ? tensor('float32', [8, mlpWidth], new Float32Array(8 * mlpWidth))
          : rowsOf(8);
      for (let round = 0; round < 3; round++) await runServable(servable, { x });
    }
    const grownUsed = (await settle()) - before;
    const toldUsed = (servable.memoryBytes ?? Number.NaN) / MB;
    return { tookMs, estimate, told, grown, toldUsed, grownUsed, peak };
  },
};

if (process.env.SERVABLE_BENCH_SUBJECT !== undefined && (await runScenario(scenarios))) process.exit();

const folder = new ModelFolder();
const first = folder.write('first', tiny()).versionPath;
/** @type {import('servable').SessionOptions} */
const unpacked = { configEntries: { 'session.disable_prepacking': '1' } };
/** @type {Record<string, Subject>} */
const subjects = {};
for (const megabytes of [1, 10, 100]) {
  const path = folder.write(`heavy-${megabytes}`, heavy(megabytes)).versionPath;
  subjects[`${megabytes} MB in the model`] = { path, session: {}, columns: 256 };
}
subjects['20 layers of 4 MB that share weights'] = {
  path: folder.write('mlp', mlp(20)).versionPath,
  session: {},
  columns: mlpWidth,
};
const { model, data } = heavyExternal(200, dataFile);
const external = folder.write('external', model, { [dataFile]: data }).versionPath;
subjects['200 MB in the model'] = {
  path: folder.write('heavy-200', heavy(200)).versionPath,
  session: {},
  columns: 256,
};
for (const externalData of /** @type {const} */ (['copied', 'mapped'])) {
  for (const [packing, session] of Object.entries({ packed: {}, 'not packed': unpacked })) {
    subjects[`200 MB beside it, ${externalData}, ${packing}`] = {
      path: external,
      session: { ...session, externalData },
      columns: 256,
    };
  }
}
for (const path of process.argv.slice(2)) subjects[path] = { path, session: {} };

printHead('What a version holds', [
  'the resident set, in MB, after a garbage collection; loaded, then run 3 times with 8 rows',
  `each repeat in a process of its own, ${repeats} repeats, alternating; medians; 1 load thread, 1 batch thread`,
  'estimate: before the load, of the files; told: memoryBytes; grown: the resident set; peak: its greatest, while it loads',
  'aim: told is within 10 % of what the process has grown by, or within 2 MB',
]);
/** @type {Record<string, Awaited<ReturnType<typeof scenarios.load>>[]>} */
const seen = {};
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const [name, subject] of Object.entries(subjects)) {
    process.env.SERVABLE_BENCH_SUBJECT = JSON.stringify({ first, subject });
    seen[name] = [...(seen[name] ?? []), await inChild(import.meta.url, 'load')];
  }
}
printTable(
  Object.entries(seen).map(([name, results]) => {
    const of = (/** @type {keyof typeof results[0]} */ key) =>
      median(results.map((result) => Number(result[key])));
    return {
      weights: name,
      estimate: of('estimate'),
      'told, loaded': of('told'),
      'grown, loaded': of('grown'),
      'told, run': of('toldUsed'),
      'grown, run': of('grownUsed'),
      'peak grown': of('peak'),
      'load ms': of('tookMs'),
      repeats: spread(
        results.map(({ tookMs }) => tookMs),
        0,
      ),
    };
  }),
);
