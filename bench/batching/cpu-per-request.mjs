/**
 * CPU that batching costs for each request, apart from the model: by subtraction, and part by part.
 *
 * A fake servable answers at once with the rows that it was given: what is left is ours. Steps of one table build on
 * each other; all CPU of the process counts, whatever thread it is used by.
 *
 *     node bench/batching/cpu-per-request.mjs
 *     node --cpu-prof bench/batching/cpu-per-request.mjs   # where it goes
 */
import PQueue from 'p-queue';
import { batched, tensor } from 'servable';
import { BatchTask } from '#dist/batching/batch-task.js';
import { copyRows } from '#dist/batching/copy-rows.js';
import { dealOutputs } from '#dist/batching/deal-outputs.js';
import { mergeInputs } from '#dist/batching/merge-inputs.js';
import { haveSameRows } from '#dist/batching/row-shape.js';
import { checkInputs, selectOutputs } from '#dist/core/signature-check.js';
import { Slab } from '#dist/core/slab.js';
import { openBatchingServer } from '../support/batching-server.mjs';
import { rowsOf } from '../support/inputs.mjs';
import { tiny, width } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { openEngine, runServable } from '../support/ours.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, spread } from '../support/stats.mjs';

/** @typedef {import('servable').TensorMap} TensorMap */
/** @typedef {import('servable').Servable} Servable */

const callers = 256;
const batchRows = 32;
const requests = 256 * 80;
const rounds = 11;
const batching = { maxBatchSize: batchRows, maxEnqueuedBatches: 100 };

const model = new ModelFolder().write('tiny', tiny());
const { engine, load } = openEngine({ inlineRuns: 'on' });
const servable = await load(model);
const signature = /** @type {import('servable').Signature} */ (servable.signatures.get('serving_default'));
const outputs = ['y'];
/** @type {Servable} */
const fake = {
  id: servable.id,
  metadata: servable.metadata,
  signatures: servable.signatures,
  run: async ({ inputs }) => ({ y: /** @type {import('servable').Tensor} */ (inputs.x) }),
  unload: async () => {},
};
const batchedFake = batched(fake, { ...batching, numBatchThreads: 2 });
const models = [{ name: 'tiny', basePath: model.basePath, batching }];
const { server: inline, sizes: inlineSizes } = await openBatchingServer(models, { inlineRuns: 'on' });
const { server: threaded, sizes: threadedSizes } = await openBatchingServer(models, { inlineRuns: 'off' });

/** Each caller's row begins with his number, so that an answer tells whose it is. */
const rows = Array.from({ length: callers }, (_, caller) => {
  const data = new Float32Array(width).fill(1);
  data[0] = caller;
  return { x: tensor('float32', [1, width], data) };
});
const together = { x: rowsOf(batchRows) };

/**
 * What is asked, by so many callers, and what an answer begins with for a row that begins with a number.
 *
 * @typedef {{ readonly name: string, readonly over?: string, readonly callers: number, readonly rows: number,
 *   readonly ask: (inputs: TensorMap) => Promise<TensorMap>, readonly answer: (first: number) => number }} Step
 */
const halved = (/** @type {number} */ first) => first / 2 + 2;
const same = (/** @type {number} */ first) => first;
/** @param {TensorMap} inputs */
const request = (inputs) => ({ signature, inputs, outputs });

/** @type {Step[]} */
const steps = [
  {
    name: 'callers and a fake servable',
    callers,
    rows: 1,
    ask: (inputs) => fake.run(request(inputs)),
    answer: same,
  },
  {
    name: 'batched(fake)',
    over: 'callers and a fake servable',
    callers,
    rows: 1,
    ask: (inputs) => batchedFake.run(request(inputs)),
    answer: same,
  },
  {
    name: 'batched(fake), as many callers as run',
    over: 'callers and a fake servable',
    callers: 2 * batchRows,
    rows: 1,
    ask: (inputs) => batchedFake.run(request(inputs)),
    answer: same,
  },
  {
    name: `a servable's run of ${batchRows} rows, for each row`,
    callers: 1,
    rows: batchRows,
    ask: () => runServable(servable, together),
    answer: halved,
  },
  {
    name: 'predict, batched, inline',
    over: 'batched(fake)',
    callers,
    rows: 1,
    ask: async (inputs) => (await inline.predict('tiny', inputs)).outputs,
    answer: halved,
  },
  {
    name: 'predict, batched, on threads',
    over: 'predict, batched, inline',
    callers,
    rows: 1,
    ask: async (inputs) => (await threaded.predict('tiny', inputs)).outputs,
    answer: halved,
  },
];

printHead('CPU that batching costs for each request', [
  `a model of two operators, x float32 [1, ${width}]; ${callers} callers, batches of ${batchRows}, closed loop, 2 batch threads`,
  `user and system time of all threads; ${requests} requests a round, ${rounds} rounds, alternating; every answer is checked`,
  `with ${2 * batchRows} callers no batch waits: the difference is what waiting costs, garbage collection above all`,
  'aim: at most 3 µs of ours for each request, beside the run and the callers',
]);

/** @type {Map<string, number[]>} */
const seen = new Map(steps.map(({ name }) => [name, []]));
for (const step of steps) await measure(step);
for (let round = 0; round < rounds; round++) {
  for (let turn = 0; turn < steps.length; turn++) {
    const step = /** @type {Step} */ (steps[(round + turn) % steps.length]);
    seen.get(step.name)?.push(await measure(step));
  }
}
const [callersName = '', , , runName = '', inlineName = ''] = [...seen.keys()];
printTable([
  ...steps.map(({ name, over }) => ({
    step: name,
    'CPU µs': median(timesOf(name)),
    rounds: spread(timesOf(name)),
    'more than': over ?? '',
    'by µs':
      over === undefined ? '' : median(timesOf(name).map((micros, at) => micros - (timesOf(over)[at] ?? 0))),
  })),
  {
    step: 'of predict inline, ours',
    'CPU µs': median(
      timesOf(inlineName).map(
        (micros, at) => micros - (timesOf(callersName)[at] ?? 0) - (timesOf(runName)[at] ?? 0),
      ),
    ),
    rounds: '',
    'more than': 'callers and run',
    'by µs': '',
  },
]);
console.log(
  `rows of a batch: ${inlineSizes.takeMean().toFixed(1)} inline, ${threadedSizes.takeMean().toFixed(1)} on threads\n`,
);
printTable(await measureParts());
await Promise.all([batchedFake.unload(), servable.unload(), inline.close(), threaded.close()]);
await engine.close();

/** @param {string} name */
function timesOf(name) {
  return seen.get(name) ?? [];
}

/**
 * CPU microseconds for each row.
 *
 * @param {Step} step
 */
async function measure(step) {
  const each = requests / step.rows / step.callers;
  /** @param {number} caller */
  const call = async (caller) => {
    const inputs = /** @type {TensorMap} */ (rows[caller]);
    const expected = step.answer(step.rows === 1 ? caller : 0);
    for (let done = 0; done < each; done++) {
      const { y } = await step.ask(inputs);
      if (y?.data[0] !== expected) throw new Error(`Caller ${caller} got ${y?.data[0]} for ${expected}`);
    }
  };
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: step.callers }, (_, caller) => call(caller)));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / requests;
}

/** What single parts take by themselves: less than in the table above, where they push each other out of the caches. */
async function measureParts() {
  const owner = { onSettled() {} };
  const [first, second] = /** @type {[TensorMap, TensorMap]} */ (/** @type {unknown} */ (rows));
  const tasks = rows.slice(0, batchRows).map((inputs) => new BatchTask(request(inputs), inputs, 1, 0, owner));
  const slab = new Slab();
  const filling = { allowedBatchSizes: [], fillOf: () => 0 };
  const merged = mergeInputs(tasks, filling).inputs;
  const run = { y: /** @type {import('servable').Tensor} */ (merged.x) };
  const queue = new PQueue({ concurrency: 2 });
  const { id } = servable;
  /** @type {Record<string, { readonly shared?: number, readonly call: (index: number) => unknown }>} */
  const parts = {
    'clock, read once': { call: () => performance.now() },
    'promise with its task': { call: () => new BatchTask(request(first), first, 1, 0, owner) },
    'check of inputs and outputs': {
      call: () => {
        checkInputs(id, signature, first);
        selectOutputs(id, signature, undefined);
      },
    },
    'copy of the inputs': { call: () => copyRows(slab, first, 0, 1) },
    'search for the open batch': { call: () => haveSameRows(first, second, false) },
    'its share of the merge': { shared: batchRows, call: () => mergeInputs(tasks, filling) },
    'deal of the outputs': {
      call: (index) =>
        dealOutputs(/** @type {any} */ (tasks[index % batchRows]), run, index % batchRows, merged),
    },
    "its share of p-queue's add and run": { shared: batchRows, call: () => queue.add(async () => {}) },
  };
  /** @type {Map<string, number[]>} */
  const times = new Map(Object.keys(parts).map((name) => [name, []]));
  for (let round = 0; round < rounds + 2; round++) {
    for (const [name, { shared = 1, call }] of Object.entries(parts)) {
      const calls = 20_000 / Math.min(shared, 4);
      /** @type {unknown} */
      let last;
      const started = performance.now();
      for (let index = 0; index < calls; index++) last = call(index);
      await last;
      if (round >= 2) times.get(name)?.push(((performance.now() - started) * 1000) / calls / shared);
    }
  }
  return [...times].map(([part, micros]) => ({
    'part, by itself': part,
    'µs for each request': median(micros).toFixed(3),
    rounds: spread(micros, 3),
  }));
}
