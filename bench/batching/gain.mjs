/**
 * What batching gains, by the rules of Triton's perf_analyzer: windows of 5 s, until throughput and 95th percentile of the
 * last three lie within 10 % of each other, at most 10 windows.
 *
 * Triton's documentation says of inception_onnx on a GPU: 73 answers a second and p95 65.6 ms with 4 callers and no
 * batching; 272 and 36.0 ms with 8 callers and batching; that is 3.7 times, and p95 is not worse. Source:
 * triton-inference-server/server docs/user_guide/optimization.md.
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
const numBatchThreads = 2;
/** Where throughput is greatest: so many that one set of batches fills while the other runs. */
const optimalCallers = 2 * maxBatchSize * numBatchThreads;

const model = new ModelFolder().write('mlp', mlp());
const questions = await mlpQuestions(model.file, optimalCallers);
const { basePath } = model;
const { server, sizes } = await openBatchingServer(
  [
    { name: 'unbatched', basePath },
    { name: 'batched', basePath, batching: { maxBatchSize } },
  ],
  { numBatchThreads },
);
const levels = [
  { name: 'unbatched', callers: 4 },
  ...[4, 8, 16, 32, optimalCallers].map((callers) => ({ name: 'batched', callers })),
  { name: 'unbatched', callers: optimalCallers },
];

printHead("What batching gains, by perf_analyzer's rules", [
  'x float32 [1, 784], a multi-layer perceptron of 11.6 MB, one row a request; 2 batch threads, inline runs auto; every answer is checked',
  `batched: maxBatchSize ${maxBatchSize}, batchTimeoutMicros 0; closed loop; ${optimalCallers} callers are 2 × maxBatchSize × threads`,
  `windows of ${windowMs} ms, stable when the last ${stableWindows} lie within ${stability * 100} %, at most ${maxTrials}; figures are of these ${stableWindows}`,
  'aim: 3.7 times as many answers as 4 callers get unbatched, at a p95 that is not worse',
]);
/** @type {(typeof levels[number] & Awaited<ReturnType<typeof settle>>)[]} */
const settled = [];
for (const level of levels) settled.push({ ...level, ...(await settle(level.name, level.callers)) });
const [base] = settled;
printTable(
  settled.map(({ name, callers, perSecond, p95Ms, p99Ms, rows, trials, isStable }) => ({
    model: name,
    callers,
    'answers/s': Math.round(perSecond),
    gain: perSecond / (base?.perSecond ?? Number.NaN),
    'p95 ms': p95Ms,
    'p99 ms': p99Ms,
    'rows of a batch': rows,
    windows: `${trials}${isStable ? '' : ', not stable'}`,
  })),
);
const batched = settled.filter(({ name }) => name === 'batched');
printGain(
  'at a p95 that is not worse',
  batched.filter(({ p95Ms }) => p95Ms <= (base?.p95Ms ?? 0)),
);
printGain('at any p95', batched);
await server.close();

/**
 * @param {string} condition
 * @param {typeof settled} candidates
 */
function printGain(condition, candidates) {
  const best = candidates.toSorted((a, b) => b.perSecond - a.perSecond)[0];
  if (best === undefined || base === undefined) return console.log(`- ${condition}: none`);
  const gain = (best.perSecond / base.perSecond).toFixed(1);
  const [ms, baseMs] = [best.p95Ms.toFixed(2), base.p95Ms.toFixed(2)];
  console.log(`- ${condition}: ${gain} times, with ${best.callers} callers, p95 ${ms} against ${baseMs} ms`);
}

/**
 * @param {string} name
 * @param {number} callers
 */
async function settle(name, callers) {
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
