/**
 * Predict over gRPC of the 11.6 MB perceptron by 64 connections with 16 calls each, batched and not: how many are answered,
 * how fast, and in batches of which size.
 *
 *     node bench/transport/grpc/batched.mjs
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { tensor } from 'servable';
import { createGrpcServer } from 'servable/grpc';
import { openBatchingServer } from '../../support/batching-server.mjs';
import { assertH2load, predictRequest, sendAgain } from '../../support/h2load.mjs';
import { mlp, mlpWidth } from '../../support/model.mjs';
import { ModelFolder } from '../../support/model-folder.mjs';
import { printHead, printTable } from '../../support/report.mjs';
import { median, percentile, spread } from '../../support/stats.mjs';

const connections = 64;
const streams = 16;
const rounds = 5;
const requests = 12_000;
const ways = [
  { name: 'a run each', requests: 3000 },
  { name: 'batches of 32', requests, maxBatchSize: 32 },
  { name: 'batches of 64', requests, maxBatchSize: 64 },
  { name: 'batches of 128', requests, maxBatchSize: 128 },
];

const [basePath] = process.argv.slice(2);
if (basePath === undefined) await runBench();
else await runServer(basePath);

async function runBench() {
  await assertH2load();
  const model = new ModelFolder().write('mlp', mlp());
  const child = fork(import.meta.filename, [model.basePath]);
  const [port] = await once(child, 'message');
  printHead('Batches over gRPC', [
    `x float32 [1, ${mlpWidth}], a message of ${messageFor(ways[0]?.name ?? '').length} bytes; ${connections} connections with ${streams} calls each, so that ${connections * streams} always wait`,
    'all calls of the server and of h2load on the same two cores; two batch threads; medians of rounds, in turns',
  ]);
  const results = ways.map((way) => ({
    way,
    rates: /** @type {number[]} */ ([]),
    micros: /** @type {number[]} */ ([]),
    rows: /** @type {number[]} */ ([]),
    cpu: /** @type {number[]} */ ([]),
  }));
  for (let round = -1; round < rounds; round++) {
    for (const { way, rates, micros, rows, cpu } of results) {
      await ask(child);
      const load = { requests: way.requests, connections, streams, isLogged: true };
      const { perSecond, micros: each } = await sendAgain(port, messageFor(way.name), load);
      const { answered, cpuMicros, meanRows } = await ask(child);
      if (answered !== way.requests)
        throw new Error(`${answered} of ${way.requests} were answered (${way.name})`);
      if (round < 0) continue; // to warm up
      rates.push(perSecond);
      micros.push(...each);
      rows.push(meanRows);
      cpu.push(cpuMicros / way.requests);
    }
  }
  const [alone] = results.map(({ rates }) => median(rates));
  printTable(
    results.map(({ way, rates, micros, rows, cpu }) => ({
      '': way.name,
      'requests/s': Math.round(median(rates)),
      rounds: spread(rates, 0),
      'times the first': median(rates) / (alone ?? Number.NaN),
      'p50 ms': percentile(micros, 0.5) / 1000,
      'p99 ms': percentile(micros, 0.99) / 1000,
      'rows a batch': way.maxBatchSize === undefined ? 1 : median(rows),
      'CPU µs each': Math.round(median(cpu)),
    })),
  );
  child.kill();
}

/** @param {string} model */
function messageFor(model) {
  return predictRequest(model, tensor('float32', [1, mlpWidth], new Float32Array(mlpWidth).fill(1)));
}

/**
 * What the server has done since it was asked last.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<{ answered: number, cpuMicros: number, meanRows: number }>}
 */
async function ask(child) {
  child.send('how much?');
  const [done] = await once(child, 'message');
  return done;
}

/** @param {string} basePath */
async function runServer(basePath) {
  const { server, sizes } = await openBatchingServer(
    ways.map(({ name, maxBatchSize }) => ({
      name,
      basePath,
      session: { intraOpNumThreads: 1 },
      batching: maxBatchSize === undefined ? false : { maxBatchSize, maxEnqueuedBatches: 100 },
    })),
  );
  let answered = 0;
  let before = process.cpuUsage();
  const x = tensor('float32', [1, mlpWidth], new Float32Array(mlpWidth).fill(1));
  const expected = elementsOf(await server.predict('a run each', { x }));
  const predict = server.predict.bind(server);
  server.predict = async (...args) => {
    const answer = await predict(...args);
    if (elementsOf(answer).every((value, place) => value === expected[place])) answered++;
    return answer;
  };
  process.on('message', () => {
    const { user, system } = process.cpuUsage(before);
    process.send?.({ answered, cpuMicros: user + system, meanRows: sizes.takeMean() });
    answered = 0;
    before = process.cpuUsage();
  });
  const { port } = await createGrpcServer(server).listen('127.0.0.1:0');
  process.send?.(port);
}

/** @param {import('servable').Prediction} answer */
function elementsOf({ outputs }) {
  return /** @type {Float32Array} */ (outputs.y?.data);
}
