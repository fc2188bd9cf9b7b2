/**
 * What batching gains, by the rules of Triton's perf_analyzer: windows of 5 s, until throughput and 95th percentile of the
 * last three lie within 10 % of each other, at most 10 windows.
 *
 * Triton's documentation says of inception_onnx on a GPU: 73 answers a second and p95 65.6 ms with 4 callers and no
 * batching; 272 and 36.0 ms with 8 callers and batching; that is 3.7 times, and p95 is not worse. That is with one instance
 * of the model, as one batch thread is here; with two instances it says 110 a second without batching, and 290 with.
 * Source: triton-inference-server/server docs/user_guide/optimization.md.
 *
 *     node bench/batching/gain.mjs
 *     WINDOW_MS=1000 node bench/batching/gain.mjs   # sooner, and less to be trusted
 */
import { openBatchingServer } from '../support/batching-server.mjs';
import { callInLoop } from '../support/callers.mjs';
import { mlp } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { checkAnswer, mlpQuestions } from '../support/questions.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { mean, percentile } from '../support/stats.mjs';

const windowMs = Number(process.env.WINDOW_MS ?? 5000);
const maxTrials = 10;
const stableWindows = 3;
const stability = 0.1;
const maxBatchSize = 32;
/** Callers by batch threads. The last are where throughput is greatest: one set of batches fills while the other runs. */
const series = [
  { numBatchThreads: 1, callers: [8, 16, 2 * maxBatchSize] },
  { numBatchThreads: 2, callers: [16, 4 * maxBatchSize] },
];

const model = new ModelFolder().write('mlp', mlp());
const questions = await mlpQuestions(model.file, 4 * maxBatchSize);
const { basePath } = model;
const models = [
  { name: 'unbatched', basePath },
  { name: 'batched', basePath, batching: { maxBatchSize } },
];

printHead("What batching gains, by perf_analyzer's rules", [
  'x float32 [1, 784], a multi-layer perceptron of 11.6 MB, one row a request; inline runs auto; every answer is checked',
  `batched: maxBatchSize ${maxBatchSize}, batchTimeoutMicros 0; closed loop; the most callers are 2 × maxBatchSize × threads`,
  `windows of ${windowMs} ms, stable when the last ${stableWindows} lie within ${stability * 100} %, at most ${maxTrials}; figures are of these ${stableWindows}`,
  'aim: with one thread, 3.7 times as many answers as 4 callers get unbatched, at a p95 that is not worse',
]);
for (const { numBatchThreads, callers } of series) await measureSeries(numBatchThreads, callers);

/**
 * @param {number} numBatchThreads
 * @param {readonly number[]} callers
 */
async function measureSeries(numBatchThreads, callers) {
  const { server, sizes } = await openBatchingServer(models, { numBatchThreads });
  const base = { name: 'unbatched', callers: 4, ...(await settle(server, sizes, 'unbatched', 4)) };
  const batched = [];
  for (const count of callers) {
    batched.push({ name: 'batched', callers: count, ...(await settle(server, sizes, 'batched', count)) });
  }
  await server.close();
  printTable(
    [base, ...batched].map(({ name, callers, perSecond, p95Ms, p99Ms, rows, trials, isStable }) => ({
      'batch threads': numBatchThreads,
      model: name,
      callers,
      'answers/s': Math.round(perSecond),
      gain: perSecond / base.perSecond,
      'p95 ms': p95Ms,
      'p99 ms': p99Ms,
      'rows of a batch': rows,
      windows: `${trials}${isStable ? '' : ', not stable'}`,
    })),
  );
  const notWorse = batched.filter(({ p95Ms }) => p95Ms <= base.p95Ms);
  printGain('at a p95 that is not worse', notWorse, base);
  printGain('at any p95', batched, base);
  console.log();
}

/**
 * @typedef {{ readonly callers: number, readonly perSecond: number, readonly p95Ms: number }} Level
 * @param {string} condition
 * @param {readonly Level[]} candidates
 * @param {Level} base
 */
function printGain(condition, candidates, base) {
  const best = candidates.toSorted((a, b) => b.perSecond - a.perSecond)[0];
  if (best === undefined) return console.log(`- ${condition}: none`);
  const gain = (best.perSecond / base.perSecond).toFixed(1);
  const [ms, baseMs] = [best.p95Ms.toFixed(2), base.p95Ms.toFixed(2)];
  console.log(`- ${condition}: ${gain} times, with ${best.callers} callers, p95 ${ms} against ${baseMs} ms`);
}

/**
 * @param {import('servable').ModelServer} server
 * @param {import('../support/batching-server.mjs').BatchSizes} sizes
 * @param {string} name
 * @param {number} callers
 */
async function settle(server, sizes, name, callers) {
  const measure = async (/** @type {number} */ forMs) => {
    sizes.takeMean();
    const { perSecond, latenciesMs } = await callInLoop(callers, forMs, async (caller) => {
      const question = /** @type {import('../support/questions.mjs').Question} */ (questions[caller]);
      checkAnswer((await server.predict(name, question.inputs)).outputs, question);
    });
    const [p95Ms, p99Ms] = [percentile(latenciesMs, 0.95), percentile(latenciesMs, 0.99)];
    return { perSecond, p95Ms, p99Ms, rows: sizes.takeMean() || 1 };
  };
  await measure(windowMs / 5);
  /** @type {Awaited<ReturnType<typeof measure>>[]} */
  const windows = [];
  let isStable = false;
  while (!isStable && windows.length < maxTrials) {
    windows.push(await measure(windowMs));
    const last = windows.slice(-stableWindows);
    isStable =
      last.length === stableWindows &&
      areClose(last.map(({ perSecond }) => perSecond)) &&
      areClose(last.map(({ p95Ms }) => p95Ms));
  }
  const last = windows.slice(-stableWindows);
  return {
    perSecond: mean(last.map(({ perSecond }) => perSecond)),
    p95Ms: mean(last.map(({ p95Ms }) => p95Ms)),
    p99Ms: mean(last.map(({ p99Ms }) => p99Ms)),
    rows: mean(last.map(({ rows }) => rows)),
    trials: windows.length,
    isStable,
  };
}

/** @param {number[]} values */
function areClose(values) {
  return Math.max(...values) <= Math.min(...values) * (1 + stability);
}
