/**
 * Predict over REST: rows of 784 numbers for the 11.6 MB perceptron, batched, and an image of 150,528 numbers, beside what a
 * team would write with node:http and onnxruntime-node, and what node:http and its JSON take without a model. Each server
 * is a process of its own; wrk asks them in turns.
 *
 *     node bench/transport/rest/predict.mjs
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createHttpHandler } from 'servable/http';
import { serveEcho, serveOfficial } from '../../peers/rest-servers.mjs';
import { openBatchingServer } from '../../support/batching-server.mjs';
import { brightest, imageShape, mlp, mlpWidth } from '../../support/model.mjs';
import { ModelFolder } from '../../support/model-folder.mjs';
import { randomSource } from '../../support/random.mjs';
import { printHead, printTable } from '../../support/report.mjs';
import { median, spread } from '../../support/stats.mjs';
import { assertWrk, postAgain } from '../../support/wrk.mjs';

const rounds = 5;
const seconds = 3;
const contestants = /** @type {const} */ (['servable', 'node:http and onnxruntime-node', 'echo']);

/** @typedef {{ readonly role: string, readonly name: string, readonly basePath: string, readonly file: string, readonly rowShape: readonly number[], readonly answer: readonly number[] }} Setup */

const [setup] = process.argv.slice(2);
if (setup === undefined) await runBench();
else await runServer(JSON.parse(setup));

async function runBench() {
  await assertWrk();
  const folder = new ModelFolder();
  const random = randomSource(7);
  const number = () => Number(random().toFixed(4));
  printHead('Predict over REST', [
    `${rounds} rounds of ${seconds} s with processes of their own, in turns, each warmed up for 1 s; medians; server and wrk on the same two cores`,
    'servable in batches of 32, which may wait for 5 ms to be full: half of the 64 are run while the others are read; one batch thread; the peer with a run for each request; the echo without a model, with an answer of the same size',
    'aims: 2.5 times node:http and onnxruntime-node, 0.6 times the echo',
  ]);
  await compare({
    title: `a row of ${mlpWidth} numbers, 64 connections`,
    model: folder.write('mlp', mlp()),
    rowShape: [mlpWidth],
    answer: Array.from({ length: 10 }, () => Math.fround(random())),
    body: JSON.stringify({ instances: [Array.from({ length: mlpWidth }, number)] }),
    connections: 64,
  });
  const [height = 0, width = 0, channels = 0] = imageShape;
  const pixels = Array.from({ length: height }, () =>
    Array.from({ length: width }, () => Array.from({ length: channels }, number)),
  );
  await compare({
    title: `an image of ${imageShape.join('×')}, 4 connections`,
    model: folder.write('brightest', brightest()),
    rowShape: imageShape,
    answer: [0.5],
    body: JSON.stringify({ instances: [pixels] }),
    connections: 4,
  });
}

/**
 * @param {{ title: string, model: { name: string, basePath: string, file: string }, rowShape: readonly number[], answer: readonly number[], body: string, connections: number }} load
 */
async function compare({ title, model, rowShape, answer, body, connections }) {
  const results = contestants.map((role) => ({
    role,
    rates: /** @type {number[]} */ ([]),
    p50: /** @type {number[]} */ ([]),
    p99: /** @type {number[]} */ ([]),
    cpu: /** @type {number[]} */ ([]),
    rows: /** @type {number[]} */ ([]),
  }));
  const load = { path: `/v1/models/${model.name}:predict`, body: Buffer.from(body), connections };
  for (let round = 0; round < rounds; round++) {
    for (const { role, rates, p50, p99, cpu, rows } of results) {
      const child = fork(import.meta.filename, [JSON.stringify({ ...model, role, rowShape, answer })]);
      const [port] = await once(child, 'message');
      await postAgain(port, { ...load, seconds: 1 });
      await ask(child);
      const { perSecond, requests, p50Ms, p99Ms } = await postAgain(port, { ...load, seconds });
      const { cpuMicros, meanRows } = await ask(child);
      rates.push(perSecond);
      p50.push(p50Ms);
      p99.push(p99Ms);
      cpu.push(cpuMicros / requests);
      rows.push(meanRows);
      child.kill();
    }
  }
  const [ours = Number.NaN] = results.map(({ rates }) => median(rates));
  printTable(
    results.map(({ role, rates, p50, p99, cpu, rows }) => ({
      [title]: role,
      'requests/s': Math.round(median(rates)),
      rounds: spread(rates, 0),
      'servable is times': ours / median(rates),
      'p50 ms': median(p50),
      'p99 ms': median(p99),
      'CPU µs each': Math.round(median(cpu)),
      'rows a run': median(rows),
    })),
  );
}

/**
 * What the server has done since it was asked last.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<{ cpuMicros: number, meanRows: number }>}
 */
async function ask(child) {
  child.send('how much?');
  const [done] = await once(child, 'message');
  return done;
}

/** @param {Setup} setup */
async function runServer({ role, name, basePath, file, rowShape, answer }) {
  let takeMean = () => 1;
  /** @type {number} */
  let port;
  if (role === 'servable') {
    const { server, sizes } = await openBatchingServer(
      [
        {
          name,
          basePath,
          session: { intraOpNumThreads: 1 },
          batching: { maxBatchSize: 32, batchTimeoutMicros: 5000, maxEnqueuedBatches: 100 },
        },
      ],
      { numBatchThreads: 1 },
    );
    takeMean = () => sizes.takeMean();
    ({ port = 0 } = await createHttpHandler(server).listen('127.0.0.1:0'));
  } else if (role === 'echo') port = await serveEcho(answer);
  else port = await serveOfficial(file, rowShape);
  let before = process.cpuUsage();
  process.on('message', () => {
    const { user, system } = process.cpuUsage(before);
    process.send?.({ cpuMicros: user + system, meanRows: takeMean() });
    before = process.cpuUsage();
  });
  process.send?.(port);
}
