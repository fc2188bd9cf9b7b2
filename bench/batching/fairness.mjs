/**
 * A model that is asked rarely, beside one that is asked all the time, on the same two threads.
 *
 *     node bench/batching/fairness.mjs
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelServer, ServingError } from 'servable';
import { poisson } from '../support/arrivals.mjs';
import { callInLoop } from '../support/callers.mjs';
import { mlp } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { checkAnswer, mlpQuestions } from '../support/questions.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, percentile } from '../support/stats.mjs';

/** @typedef {import('../support/questions.mjs').Question} Question */

const windowMs = 1800;
const repeats = 5;
const callers = 256;
const overload = 3;
const maxBatchSize = 32;
/** Layers in the middle: enough work that three times the capacity does not keep the event loop busy by itself. */
const turns = 4;
/** Ten times that work. */
const longTurns = 65;

const folder = new ModelFolder();
const quietModel = folder.write('quiet', mlp());
const floods = [
  { name: 'flood', model: folder.write('flood', mlp(turns)) },
  { name: 'long flood', model: folder.write('long', mlp(longTurns)) },
];
const quietQuestions = await mlpQuestions(quietModel.file, 64);
/** @type {Map<string, Question[]>} */
const questionsOf = new Map();
for (const { name, model } of floods) questionsOf.set(name, await mlpQuestions(model.file, callers));
const batching = { maxBatchSize, maxEnqueuedBatches: callers / maxBatchSize };
const server = await new ModelServer({
  models: [
    { name: 'quiet', basePath: quietModel.basePath, batching },
    ...floods.map(({ name, model }) => ({ name, basePath: model.basePath, batching })),
  ],
  numBatchThreads: 2,
  pollIntervalMs: 0,
}).start();

/**
 * Something that goes on beside the quiet model, until the time is over; it returns answers for each second.
 *
 * @type {Record<string, (forMs: number) => Promise<number>>}
 */
const besides = {
  nothing: async (forMs) => {
    await sleep(forMs);
    return 0;
  },
};
for (const { name } of floods) {
  const closed = (/** @type {number} */ forMs) => floodClosed(name, forMs);
  await closed(300);
  const capacity = await closed(600);
  besides[`${name}: ${callers} callers`] = closed;
  besides[`${name}: ${overload} times capacity`] = (forMs) => floodOpen(name, forMs, overload * capacity);
}

printHead('A quiet model beside a flooded one', [
  `x float32 [1, 784], multi-layer perceptrons: 4 layers the quiet one, ${turns + 4} the flooded one, ${longTurns + 4} the long one; 2 batch threads`,
  `maxBatchSize ${maxBatchSize}, batchTimeoutMicros 0; the quiet one is asked 5 to 10 ms after its last answer, the other by ${callers} callers or at random`,
  `${windowMs} ms each, ${repeats} repeats, alternating; every answer is checked`,
  'aim: a quiet request waits for a thread once, that is for a batch of the other at most, whatever the flood',
]);

/** @type {Map<string, { latenciesMs: number[], asked: number, floodPerSecond: number[] }>} */
const seen = new Map(
  Object.keys(besides).map((name) => [name, { latenciesMs: [], asked: 0, floodPerSecond: [] }]),
);
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const [name, flood] of Object.entries(besides)) {
    const results = /** @type {NonNullable<ReturnType<typeof seen.get>>} */ (seen.get(name));
    const [perSecond, asked] = await Promise.all([flood(windowMs), askQuietly(results.latenciesMs)]);
    results.asked += asked;
    results.floodPerSecond.push(perSecond);
  }
}
printTable(
  [...seen].map(([beside, { latenciesMs, asked, floodPerSecond }]) => ({
    beside,
    'quiet: asked': asked,
    'answered %': (latenciesMs.length / asked) * 100,
    'p50 ms': median(latenciesMs),
    'p99 ms': percentile(latenciesMs, 0.99),
    'worst ms': Math.max(...latenciesMs),
    'flood: answers/s': Math.round(median(floodPerSecond)),
    "flood's batch ms": batchMs(floodPerSecond),
  })),
);
await server.close();

/**
 * What a batch takes, of full batches on two threads.
 *
 * @param {number[]} perSecond
 */
function batchMs(perSecond) {
  const rate = median(perSecond);
  return rate === 0 ? '' : ((2 * maxBatchSize) / rate) * 1000;
}

/** @param {number[]} latenciesMs */
async function askQuietly(latenciesMs) {
  let asked = 0;
  for (const end = performance.now() + windowMs; performance.now() < end; ) {
    await sleep(5 + (asked % 6));
    const question = /** @type {Question} */ (quietQuestions[asked++ % quietQuestions.length]);
    const started = performance.now();
    if (await ask('quiet', question)) latenciesMs.push(performance.now() - started);
  }
  return asked;
}

/**
 * @param {string} name
 * @param {number} forMs
 */
async function floodClosed(name, forMs) {
  const { perSecond } = await callInLoop(callers, forMs, (caller) => ask(name, questionAt(name, caller)));
  return perSecond;
}

/**
 * @param {string} name
 * @param {number} forMs
 * @param {number} perSecond
 */
async function floodOpen(name, forMs, perSecond) {
  let [asked, answered] = [0, 0];
  const end = performance.now() + forMs;
  /** @type {Promise<void>[]} */
  const open = [];
  const request = async () => {
    if ((await ask(name, questionAt(name, asked++))) && performance.now() < end) answered++;
  };
  await poisson({ perSecond, forMs, seed: 1, arrive: () => open.push(request()) });
  await Promise.all(open);
  return (answered / forMs) * 1000;
}

/**
 * @param {string} name
 * @param {number} index
 */
function questionAt(name, index) {
  return /** @type {Question} */ (questionsOf.get(name)?.[index % callers]);
}

/**
 * Asks, and checks the answer; false where the queue was full.
 *
 * @param {string} name
 * @param {Question} question
 */
async function ask(name, question) {
  try {
    checkAnswer((await server.predict(name, question.inputs)).outputs, question);
    return true;
  } catch (error) {
    if (error instanceof ServingError && error.code === 'UNAVAILABLE') return false;
    throw error;
  }
}
