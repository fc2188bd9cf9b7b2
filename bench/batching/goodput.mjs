/**
 * More requests than a server can answer: what is still answered in time, what is refused, and what it costs in memory.
 *
 * Requests arrive at random and do not wait for answers, at up to ten times what the server can do, from the same
 * process; the table says how late they were sent. Latency counts from when a request was due.
 *
 *     node bench/batching/goodput.mjs
 */
import { ModelServer, ServingError } from 'servable';
import { poisson } from '../support/arrivals.mjs';
import { callInLoop, latencyCells } from '../support/callers.mjs';
import { withLoopDelay } from '../support/event-loop.mjs';
import { mlp } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { checkAnswer, mlpQuestions } from '../support/questions.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median } from '../support/stats.mjs';

const loads = [0.5, 0.8, 1, 1.5, 2, 5, 10];
const timeoutMs = 50;
const windowMs = 1200;
const repeats = 3;
/** Layers in the middle: enough work that ten times the arrivals do not keep the event loop busy by themselves. */
const turns = 56;
const maxBatchSize = 8;

/** @type {Record<string, import('servable').BatchingOptions>} */
const configurations = {
  // Two batches run and two wait: with 2 threads, what waits is answered within two runs.
  'fixed size': { maxBatchSize, maxEnqueuedBatches: 2 },
  // A fifth is left for requests that were sent late.
  'latency target': { maxBatchSize, latencyTargetMicros: 0.8 * timeoutMs * 1000 },
};

const model = new ModelFolder().write('mlp', mlp(turns));
const questions = await mlpQuestions(model.file, 256);

printHead('More requests than can be answered', [
  `x float32 [1, 784], a multi-layer perceptron of ${turns + 4} layers; one row a request; 2 batch threads; every answer is checked`,
  `open loop, Poisson arrivals with a seed, ${windowMs} ms at each rate, ${repeats} repeats, of which medians; a request has ${timeoutMs} ms`,
  `load 1 is what ${4 * maxBatchSize} callers in a closed loop get; in time: answered within ${timeoutMs} ms from when it was due`,
  'loop: how late a timer of 1 ms came at the worst; sent late: how late the requests were sent',
  'aims: what is answered in time does not fall beyond load 1; memory and event-loop delay are bounded',
]);
const capacity = await measureCapacity();

/** @type {Record<string, string | number>[]} */
const table = [];
for (const [name, batching] of Object.entries(configurations)) {
  const server = await openServer(batching);
  /** @type {Map<number, Awaited<ReturnType<typeof offer>>[]>} */
  const seen = new Map(loads.map((load) => [load, []]));
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const load of loads) seen.get(load)?.push(await offer(server, load * capacity, repeat + 1));
  }
  await server.close();
  for (const [load, results] of seen) {
    /** @param {(result: Awaited<ReturnType<typeof offer>>) => number} of */
    const at = (of) => median(results.map(of));
    table.push({
      batching: name,
      load,
      'offered/s': Math.round(load * capacity),
      'in time/s': Math.round(at(({ inTimePerSecond }) => inTimePerSecond)),
      'of capacity': at(({ inTimePerSecond }) => inTimePerSecond / capacity),
      'refused %': at(({ refused }) => refused * 100),
      'too late %': at(({ tooLate }) => tooLate * 100),
      ...latencyCells(results.flatMap(({ latenciesMs }) => latenciesMs)),
      'RSS peak +MB': at(({ growthMegabytes }) => growthMegabytes),
      'loop worst ms': at(({ loopWorstMs }) => loopWorstMs),
      'sent late p99 ms': at(({ lateMs }) => lateMs.p99),
    });
  }
}
printTable(table);

/** @param {import('servable').BatchingOptions} batching */
function openServer(batching) {
  const models = [{ name: 'mlp', basePath: model.basePath, batching }];
  return new ModelServer({ models, numBatchThreads: 2, pollIntervalMs: 0 }).start();
}

/** Answers in a second where callers ask again when they are answered; the second time, when all is warm. */
async function measureCapacity() {
  const server = await openServer({ maxBatchSize });
  const measure = () =>
    callInLoop(4 * maxBatchSize, windowMs, async (caller) => {
      const question = /** @type {import('../support/questions.mjs').Question} */ (questions[caller]);
      checkAnswer((await server.predict('mlp', question.inputs)).outputs, question);
    });
  await measure();
  const { perSecond } = await measure();
  await server.close();
  return perSecond;
}

/**
 * @param {ModelServer} server
 * @param {number} perSecond
 * @param {number} seed
 */
async function offer(server, perSecond, seed) {
  const before = process.memoryUsage.rss();
  let peak = before;
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  /** @type {number[]} */
  const latenciesMs = [];
  /** @type {Promise<void>[]} */
  const open = [];
  let [asked, refused, tooLate, inTime] = [0, 0, 0, 0];
  /** @param {number} dueAt */
  const request = async (dueAt) => {
    const question = /** @type {import('../support/questions.mjs').Question} */ (
      questions[asked++ % questions.length]
    );
    try {
      checkAnswer((await server.predict('mlp', question.inputs, { timeoutMs })).outputs, question);
      const latencyMs = performance.now() - dueAt;
      latenciesMs.push(latencyMs);
      if (latencyMs <= timeoutMs) inTime++;
      else tooLate++;
    } catch (error) {
      if (!(error instanceof ServingError)) throw error;
      if (error.code === 'UNAVAILABLE') refused++;
      else if (error.code === 'DEADLINE_EXCEEDED') tooLate++;
      else throw error;
    }
  };
  const arrive = (/** @type {number} */ dueAt) => open.push(request(dueAt));
  const { result, worstMs } = await withLoopDelay(async () => {
    const arrived = await poisson({ perSecond, forMs: windowMs, seed, arrive });
    await Promise.all(open);
    return arrived;
  });
  clearInterval(sampler);
  return {
    latenciesMs,
    inTimePerSecond: (inTime / windowMs) * 1000,
    refused: refused / result.arrivals,
    tooLate: tooLate / result.arrivals,
    growthMegabytes: (peak - before) / 2 ** 20,
    loopWorstMs: worstMs,
    lateMs: result.lateMs,
  };
}
