/**
 * 256 callers, each of whom waits for his answer and asks again: batching against a run for each request, and against
 * batches that were made by hand beforehand, which are the limit. Exit code 1 where an answer is not its caller's.
 *
 * onnxruntime-node runs on the event loop: two of its sessions are never at work at the same time.
 *
 *     node bench/batching/throughput.mjs
 */
import { availableParallelism } from 'node:os';
import { openBatchingServer } from '../support/batching-server.mjs';
import { callInLoop, latencyCells } from '../support/callers.mjs';
import { mlp } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { officialFeeds, openOfficial } from '../support/official.mjs';
import { checkAnswer, mlpQuestions, stack } from '../support/questions.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, spread } from '../support/stats.mjs';

const callers = 256;
const batchRows = 32;
const roundMs = 800;
const rounds = 9;
const cores = availableParallelism();

const model = new ModelFolder().write('mlp', mlp());
const questions = await mlpQuestions(model.file, callers);
const batches = Array.from({ length: callers / batchRows }, (_, index) =>
  stack(questions.slice(index * batchRows, (index + 1) * batchRows)),
);
/** With the last one, all callers are in the two batches that run. */
const batchSizes = [batchRows, 64, 128];
const { server, sizes } = await openBatchingServer(
  batchSizes.map((maxBatchSize) => ({
    name: `mlp-${maxBatchSize}`,
    basePath: model.basePath,
    session: { intraOpNumThreads: 1 },
    batching: { maxBatchSize, batchTimeoutMicros: 0 },
  })),
);
const oneThread = await openOfficial(model.file);
const allCores = await openOfficial(model.file, { intraOpNumThreads: cores, isSpinning: true });
const second = await openOfficial(model.file, { intraOpNumThreads: cores, isSpinning: true });

/** @typedef {import('../support/questions.mjs').Question} Question */

/**
 * A way to get answers: so many callers, who ask one question after the other.
 *
 * @typedef {object} Contestant
 * @property {string} name
 * @property {number} callers
 * @property {readonly Question[]} questions
 * @property {(question: Question, caller: number) => Promise<Record<string, { readonly data: unknown }>>} ask
 */

/** @type {Contestant[]} */
const contestants = [
  ...batchSizes.map((size) => ({
    name: `servable, batches of ${size}`,
    callers,
    questions,
    /** @param {Question} question */
    ask: async ({ inputs }) => (await server.predict(`mlp-${size}`, inputs)).outputs,
  })),
  {
    name: 'a run for each, 1 thread',
    callers,
    questions,
    ask: ({ inputs }) => oneThread.run(officialFeeds(inputs)),
  },
  {
    name: `a run for each, ${cores} threads`,
    callers,
    questions,
    ask: ({ inputs }) => allCores.run(officialFeeds(inputs)),
  },
  {
    name: `made by hand, ${cores} threads, one after the other`,
    callers: 1,
    questions: batches,
    ask: ({ inputs }) => allCores.run(officialFeeds(inputs)),
  },
  {
    name: `made by hand, ${cores} threads, two sessions`,
    callers: 2,
    questions: batches,
    ask: ({ inputs }, caller) => (caller === 0 ? allCores : second).run(officialFeeds(inputs)),
  },
];

printHead(`${callers} callers`, [
  'x float32 [1, 784], dense layers 784 → 1024 → 1024 → 1024 → 10, 11.6 MB; every answer is checked',
  `servable: batchTimeoutMicros 0, 2 batch threads, intra-op 1; the others: onnxruntime-node, its threads spin as they do by default`,
  `closed loop, ${roundMs} ms a round, ${rounds} rounds, alternating; ratios are medians of the rounds'`,
  'CPU: of all threads of the process, the callers included; rows/s cannot be more than the cores have of it',
  'aims: at least 4 times a run for each; at least 1.0 times what was made by hand',
]);

/** @typedef {Awaited<ReturnType<typeof measure>>} Measured */

/** @type {Map<Contestant, Measured[]>} */
const seen = new Map(contestants.map((contestant) => [contestant, []]));
for (const contestant of contestants) await measure(contestant);
for (let round = 0; round < rounds; round++) {
  for (let turn = 0; turn < contestants.length; turn++) {
    const contestant = /** @type {Contestant} */ (contestants[(round + turn) % contestants.length]);
    seen.get(contestant)?.push(await measure(contestant));
  }
}
/** Of ours, by the size of the batches. */
const ours = batchSizes.map((size, place) => ({
  size,
  rates: [...seen.values()][place]?.map(({ rowsPerSecond }) => rowsPerSecond) ?? [],
}));
printTable(
  [...seen].map(([{ name, callers }, measured]) => {
    const rates = measured.map(({ rowsPerSecond }) => rowsPerSecond);
    return {
      by: name,
      callers,
      'rows/s': median(rates),
      rounds: spread(rates, 0),
      ...latencyCells(measured.flatMap(({ latenciesMs }) => latenciesMs)),
      'CPU µs/row': median(measured.map(({ rowMicros }) => rowMicros)),
      'rows of a run': median(measured.map(({ runRows }) => runRows)),
      ...Object.fromEntries(
        ours.map((own) => [
          `batches of ${own.size}: times`,
          median(own.rates.map((rate, round) => rate / (rates[round] ?? Number.NaN))),
        ]),
      ),
    };
  }),
);
await server.close();
await Promise.all([oneThread, allCores, second].map((session) => session.release()));

/** @param {Contestant} contestant */
async function measure({ callers, questions, ask }) {
  const rows = questions === batches ? batchRows : 1;
  let asked = 0;
  sizes.takeMean();
  const before = process.cpuUsage();
  const { perSecond, latenciesMs } = await callInLoop(callers, roundMs, async (caller) => {
    const question = /** @type {Question} */ (questions[asked++ % questions.length]);
    checkAnswer(await ask(question, caller), question);
  });
  const { user, system } = process.cpuUsage(before);
  const rowMicros = (user + system) / (asked * rows);
  return { rowsPerSecond: perSecond * rows, latenciesMs, rowMicros, runRows: sizes.takeMean() || rows };
}
