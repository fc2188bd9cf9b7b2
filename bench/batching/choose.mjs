/**
 * How throughput and latency depend on `maxBatchSize` and `batchTimeoutMicros`: the table and the plot of
 * docs/batching.md.
 *
 *     node bench/batching/choose.mjs   # writes docs/batching-sizes.svg
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BatchDispatcher, batched, ServingError } from 'servable';
import { poisson } from '../support/arrivals.mjs';
import { callInLoop } from '../support/callers.mjs';
import { mlp } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { openEngine, runServable } from '../support/ours.mjs';
import { drawPanels } from '../support/plot.mjs';
import { checkAnswer, mlpQuestions } from '../support/questions.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, percentile } from '../support/stats.mjs';

/** @typedef {import('../support/questions.mjs').Question} Question */

const sizes = [1, 2, 4, 8, 16, 32, 64];
const timeoutsMicros = [0, 200, 1000, 5000];
const callers = 256;
const windowMs = 250;
const repeats = 3;
/** Of what batches of 32 can do: more than single runs can. */
const moderate = 0.3;
const plot = join(import.meta.dirname, '../../docs/batching-sizes.svg');

const model = new ModelFolder().write('mlp', mlp());
const questions = await mlpQuestions(model.file, callers);
const { engine, load } = openEngine({ inlineRuns: 'off' });
const servable = await load(model);
const dispatcher = new BatchDispatcher({ numBatchThreads: 2 });
const cells = sizes.flatMap((maxBatchSize) =>
  timeoutsMicros.map((batchTimeoutMicros) => ({
    maxBatchSize,
    batchTimeoutMicros,
    servable: batched(servable, {
      maxBatchSize,
      batchTimeoutMicros,
      maxEnqueuedBatches: Math.ceil(callers / maxBatchSize),
      dispatcher,
    }),
    perSecond: /** @type {number[]} */ ([]),
    saturatedMs: /** @type {number[]} */ ([]),
    moderateMs: /** @type {number[]} */ ([]),
    refused: /** @type {number[]} */ ([]),
  })),
);
/** @typedef {typeof cells[number]} Cell */

const middle = /** @type {Cell} */ (cells.find(({ maxBatchSize }) => maxBatchSize === 32));
await saturate(middle);
const rate = Math.round(moderate * (await saturate(middle)).perSecond);

printHead('Batch sizes and timeouts', [
  'x float32 [1, 784], a multi-layer perceptron of 11.6 MB, one row a request; 2 batch threads, inline runs off; every answer is checked',
  `saturated: ${callers} callers in a closed loop; moderate: ${rate} requests a second at random, ${moderate} of what batches of 32 can do`,
  `${windowMs} ms each, ${repeats} repeats, alternating; medians; p99 of the answered; refused: found the queue full (${callers} rows)`,
]);
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const cell of cells) {
    const saturated = await saturate(cell);
    cell.perSecond.push(saturated.perSecond);
    cell.saturatedMs.push(percentile(saturated.latenciesMs, 0.99));
    const offered = await offer(cell, repeat + 1);
    cell.moderateMs.push(percentile(offered.latenciesMs, 0.99));
    cell.refused.push(offered.refused * 100);
  }
}
printTable(
  cells.map(({ maxBatchSize, batchTimeoutMicros, perSecond, saturatedMs, moderateMs, refused }) => ({
    maxBatchSize,
    batchTimeoutMicros,
    'saturated: answers/s': Math.round(median(perSecond)),
    'p99 ms': median(saturatedMs),
    'moderate: p99 ms': median(moderateMs),
    'refused %': median(refused),
  })),
);
const lines = (/** @type {(cell: Cell) => number} */ of) =>
  timeoutsMicros.map((timeout) => ({
    name: `batchTimeoutMicros ${timeout}`,
    values: cells.filter(({ batchTimeoutMicros }) => batchTimeoutMicros === timeout).map(of),
  }));
const x = 'maxBatchSize';
writeFileSync(
  plot,
  drawPanels('Throughput and latency by batch size and timeout', [
    {
      title: `Answers a second, ${callers} callers`,
      x,
      xs: sizes,
      lines: lines(({ perSecond }) => median(perSecond)),
    },
    {
      title: `p99 in ms, ${rate.toLocaleString('en')} requests a second`,
      x,
      xs: sizes,
      isLogarithmic: true,
      lines: lines(({ moderateMs }) => median(moderateMs)),
    },
  ]),
);
for (const cell of cells) cell.servable.drain?.();
await servable.unload();
await dispatcher.close();
await engine.close();

/** @param {Cell} cell */
function saturate(cell) {
  return callInLoop(callers, windowMs, async (caller) => {
    const question = /** @type {Question} */ (questions[caller]);
    checkAnswer(await runServable(cell.servable, question.inputs), question);
  });
}

/**
 * @param {Cell} cell
 * @param {number} seed
 */
async function offer({ servable }, seed) {
  /** @type {number[]} */
  const latenciesMs = [];
  /** @type {Promise<void>[]} */
  const open = [];
  let refused = 0;
  /** @param {number} dueAt */
  const request = async (dueAt) => {
    const question = /** @type {Question} */ (questions[open.length % callers]);
    try {
      checkAnswer(await runServable(servable, question.inputs), question);
      latenciesMs.push(performance.now() - dueAt);
    } catch (error) {
      if (!(error instanceof ServingError && error.code === 'UNAVAILABLE')) throw error;
      refused++;
    }
  };
  const arrive = (/** @type {number} */ dueAt) => open.push(request(dueAt));
  const { arrivals } = await poisson({ perSecond: rate, forMs: windowMs, seed, arrive });
  await Promise.all(open);
  return { latenciesMs, refused: refused / arrivals };
}
