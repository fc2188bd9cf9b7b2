/**
 * Memory that does not come back: over loads and unloads, many loaders at once, and runs. After the memory-growth tests
 * of NVIDIA's Triton server (qa/L0_memory_growth), which look at the greatest sample over the mean.
 *
 * Two scenarios leak on purpose. Exit code 1 where the same measure does not see it.
 *
 *     node bench/runner/memory.mjs
 */

import { bindOrtApi } from '#dist/runner/ort/c-api.js';
import { findLibrary } from '#dist/runner/ort/library.js';
import { SessionRunner } from '#dist/runner/ort/run.js';
import { inChild, runScenario } from '../support/child.mjs';
import { assertAnswer, heavyAnswer, rowsOf } from '../support/inputs.mjs';
import { memoryGrowth, settledMegabytes } from '../support/memory.mjs';
import { heavy, tiny } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { openOfficial } from '../support/official.mjs';
import { bindRunner, nativeRun, openEngine, runServable } from '../support/ours.mjs';
import { printHead, printTable } from '../support/report.mjs';

/** Growth from the end of the warm-up, in MiB, from which on we speak of a leak. */
const maxGrowth = 20;

const input = { x: rowsOf(1) };
const halved = Float32Array.from(/** @type {Float32Array} */ (input.x.data), (x) => x / 2 + 2);

/** @type {Record<string, { what: string, isLeak?: boolean, run: () => Promise<number[]> }>} */
const scenarios = {
  loads: {
    what: '1,000 loads and unloads of 10 MB',
    run: async () => {
      const { model, answer } = tenMegabytes();
      const { load } = openEngine();
      return sample(1000, 100, async () => {
        const servable = await load(model);
        assertAnswer(await runServable(servable, input), answer);
        await servable.unload();
      });
    },
  },
  'loads-official': {
    what: '200 loads and releases of 10 MB, official binding',
    run: async () => {
      const { model } = tenMegabytes();
      return sample(200, 100, async () => (await openOfficial(model.file)).release());
    },
  },
  loaders: {
    what: '1,024 rounds of 32 loaders at once, a small model',
    run: async () => {
      const model = new ModelFolder().write('tiny', tiny());
      const { load } = openEngine();
      return sample(1024, 100, async () => {
        const servables = await Promise.all(Array.from({ length: 32 }, () => load(model)));
        const [first] = servables;
        if (first !== undefined) assertAnswer(await runServable(first, input), halved);
        await Promise.all(servables.map((servable) => servable.unload()));
      });
    },
  },
  'runs-on-threads': { what: '100,000 runs on threads', run: () => predictMany('off') },
  'runs-inline': { what: '100,000 runs inline', run: () => predictMany('on') },
  'leak-sessions': {
    what: 'control: 1,000 rounds, one session of a small model left open in each',
    isLeak: true,
    run: async () => {
      const model = new ModelFolder().write('tiny', tiny());
      const { load } = openEngine();
      return sample(1000, 100, () => load(model));
    },
  },
  'leak-values': {
    what: 'control: 100,000 runs whose values are not released',
    isLeak: true,
    run: async () => {
      const { engine } = openEngine();
      const open = await engine.openSession(new ModelFolder().write('tiny', tiny()).file, {});
      const run = nativeRun(open, input);
      const { runOptions } = bindRunner();
      const leaking = new SessionRunner({ ...bindOrtApi(findLibrary()), ReleaseValue: () => {} });
      return sample(1000, 100, () => {
        for (let each = 0; each < 100; each++) leaking.run(run.session, runOptions, run.inputs, run.outputs);
      });
    },
  },
};

function tenMegabytes() {
  return { model: new ModelFolder().write('heavy', heavy(10)), answer: heavyAnswer(10, input.x) };
}

/** @param {import('servable').InlineRuns} inlineRuns */
async function predictMany(inlineRuns) {
  const { load } = openEngine({ inlineRuns });
  const servable = await load(new ModelFolder().write('tiny', tiny()));
  return sample(1000, 100, async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => runServable(servable, input)));
    for (const answer of answers) assertAnswer(answer, halved);
  });
}

/**
 * Does something many times and looks at the memory now and then.
 *
 * @param {number} rounds
 * @param {number} samples
 * @param {() => unknown} round
 */
async function sample(rounds, samples, round) {
  /** @type {number[]} */
  const seen = [];
  for (let done = 1; done <= rounds; done++) {
    await round();
    if (done % Math.floor(rounds / samples) === 0) seen.push(await settledMegabytes());
  }
  return seen;
}

const isChild = await runScenario(
  Object.fromEntries(
    Object.entries(scenarios).map(([name, { run }]) => [
      name,
      async () => {
        const started = performance.now();
        return { samples: await run(), seconds: (performance.now() - started) / 1000 };
      },
    ]),
  ),
);
if (isChild) process.exit();

printHead('Memory growth', [
  'x float32 [1, 256]; each scenario in a process of its own; 2 batch threads, 2 load threads',
  '100 samples of the resident set, each after a garbage collection; the first tenth is warm-up; start and end are medians of a tenth',
  `aim: at most ${maxGrowth} MB from start to end; more is called a leak, and both controls must be`,
]);
/** @type {Record<string, string | number>[]} */
const rows = [];
for (const [name, { what, isLeak }] of Object.entries(scenarios)) {
  const { samples, seconds } = await inChild(import.meta.url, name);
  const { start, end, growth, maxOverMean } = memoryGrowth(samples);
  const verdict = growth > maxGrowth ? 'leak' : 'no leak';
  rows.push({
    what,
    s: seconds,
    'start MB': start,
    'end MB': end,
    'growth MB': growth,
    'max − mean MB': maxOverMean,
    verdict,
  });
  if (isLeak && verdict !== 'leak') process.exitCode = 1;
}
printTable(rows);
if (process.exitCode === 1) console.log('A leak on purpose was not seen: the figures above say nothing.');
