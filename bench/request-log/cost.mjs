/**
 * What logging costs a server for each request, on the thread that its requests come to.
 *
 * The request itself is left out: what is timed is the look for the log, the draw, the copies and the queue (the request's
 * path), and then all that the thread does until the records are in a file (encoding, framing, giving to the disk).
 *
 *     node bench/request-log/cost.mjs
 *     node --cpu-prof bench/request-log/cost.mjs   # where it goes
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { tensor } from 'servable';
import { captureTensors } from '#dist/request-log/capture-tensors.js';
import { RequestLogs } from '#dist/request-log/request-logs.js';
import { encodePredictLog } from '#dist/wire/predict-log.js';
import { readRecordFile } from '#dist/wire/read-record-file.js';
import { randomSource } from '../support/random.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median, spread } from '../support/stats.mjs';

const rounds = 15;
/** Requests that come in one turn of the event loop. */
const perTurn = 20;
const rates = [undefined, 0, 0.01, 1];
const sizes = [
  { name: '1 KB', elements: 256, requests: 20_000 },
  { name: '150 KB', elements: 3 * 112 * 112, requests: 2_000 },
];
const folder = mkdtempSync(join(tmpdir(), 'servable-bench-'));

printHead('What logging costs a server for each request', [
  `x float32 in, y float32 [1, 10] out; ${perTurn} requests in a turn of the event loop, then as many turns as the log takes`,
  `${rounds} rounds, alternating, medians; every file is read back and its records counted`,
  'aim, on the path of a request of 1 KB: nothing that can be measured at rate 0, below 100 ns at rate 0.01',
]);
for (const size of sizes) printTable(await measureSize(size));
rmSync(folder, { recursive: true });

/** @param {typeof sizes[number]} size */
async function measureSize({ name, elements, requests }) {
  const inputs = { x: tensor('float32', [1, elements], new Float32Array(elements).fill(1)) };
  const outputs = { y: tensor('float32', [1, 10], new Float32Array(10)) };
  const contestants = await Promise.all(rates.map((rate) => openLogs(rate)));
  const times = contestants.map(() => ({
    path: /** @type {number[]} */ ([]),
    all: /** @type {number[]} */ ([]),
  }));
  for (let round = -2; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const place = (round + 2 + turn) % contestants.length;
      const contestant = /** @type {typeof contestants[number]} */ (contestants[place]);
      const { pathNs, allNs } = await measure(contestant, inputs, outputs, requests);
      if (round < 0) continue; // to warm up
      times[place]?.path.push(pathNs);
      times[place]?.all.push(allNs);
    }
  }
  await Promise.all(contestants.map(({ logs }) => logs.close()));
  const base = times[0]?.all ?? [];
  return contestants.map(({ rate }, place) => {
    const { path, all } = /** @type {typeof times[number]} */ (times[place]);
    return {
      [`request of ${name}`]: rate === undefined ? 'no log' : `rate ${rate}`,
      'its path, ns': median(path).toFixed(0),
      rounds: spread(path, 0),
      'thread over no log, ns': median(all.map((ns, round) => ns - (base[round] ?? Number.NaN))).toFixed(0),
      'each logged, µs':
        rate === undefined || rate === 0
          ? ''
          : (median(all.map((ns, round) => ns - (base[round] ?? Number.NaN))) / rate / 1000).toFixed(1),
    };
  });
}

/** @param {number | undefined} rate */
async function openLogs(rate) {
  const place = mkdtempSync(join(folder, 'rate-'));
  let logged = 0;
  const logs = new RequestLogs({
    encode: (entry, samplingRate) => encodePredictLog({ ...entry, samplingRate }),
    random: randomSource(1),
    observer: {
      onLogged: () => void logged++,
      onDropped: ({ reason }) => {
        throw new Error(`A request was dropped: ${reason}`);
      },
    },
  });
  const config =
    rate === undefined ? undefined : { filenamePrefix: join(place, 'requests'), samplingRate: rate };
  await logs.configure(new Map([['model', config]]));
  const takeLogged = () => {
    const taken = logged;
    logged = 0;
    return taken;
  };
  return { rate, logs, place, takeLogged };
}

/**
 * Nanoseconds for each request.
 *
 * @param {Awaited<ReturnType<typeof openLogs>>} contestant
 * @param {import('servable').TensorMap} inputs
 * @param {import('servable').TensorMap} outputs
 * @param {number} requests
 */
async function measure({ rate = 0, logs, place, takeLogged }, inputs, outputs, requests) {
  let pathMs = 0;
  let sampled = 0;
  const before = performance.eventLoopUtilization();
  for (let done = 0; done < requests; done += perTurn) {
    await nextTurn();
    const started = performance.now();
    for (let index = 0; index < perTurn; index++) if (request(logs, inputs, outputs)) sampled++;
    pathMs += performance.now() - started;
    await logs.flush();
  }
  const { active } = performance.eventLoopUtilization(before);
  const logged = takeLogged();
  if (logged !== sampled || Math.abs(sampled - rate * requests) > 0.02 * requests)
    throw new Error(`${logged} of ${sampled} sampled requests were logged at rate ${rate} of ${requests}`);
  await checkFiles(place, sampled);
  return { pathNs: (pathMs * 1e6) / requests, allNs: (active * 1e6) / requests };
}

/**
 * What a server does for each request.
 *
 * @param {RequestLogs} logs
 * @param {import('servable').TensorMap} inputs
 * @param {import('servable').TensorMap} outputs
 */
function request(logs, inputs, outputs) {
  const log = logs.for('model');
  if (log === undefined || !log.sample()) return false;
  const spec = { model: 'model', version: 1, signature: 'serving_default' };
  const captured = captureTensors(inputs);
  return log.offer({ spec, inputs: captured, outputs: captureTensors(outputs), timestampSecs: 1 });
}

/**
 * Counts the records that were added in a round. The files that are complete are then removed.
 *
 * @param {string} place
 * @param {number} added
 */
async function checkFiles(place, added) {
  let records = 0;
  for (const file of readdirSync(place)) {
    for await (const { length } of readRecordFile(join(place, file))) if (length > 0) records++;
    if (file.endsWith('.tfrecord')) rmSync(join(place, file));
  }
  // One file may be open, with some of the rounds before in it.
  if (records < added || records >= added + 1000)
    throw new Error(`${records} records were found where ${added} were added`);
}
