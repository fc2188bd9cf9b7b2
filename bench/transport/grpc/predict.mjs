/**
 * Predict over gRPC, of a tiny model and of an image of 600 KB, beside what grpc-js does without us: an echo of the same
 * bytes, and a sink that answers with as many bytes as we do. Each server is a process of its own; h2load asks them in turns.
 *
 *     node bench/transport/grpc/predict.mjs
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import grpc from '@grpc/grpc-js';
import { ModelServer, tensor } from 'servable';
import { createGrpcServer } from 'servable/grpc';
import { widenFlowControl } from '#dist/transport/grpc/flow-control.js';
import { CpuProfile } from '../../support/cpu-profile.mjs';
import { assertH2load, predictPath, predictRequest, sendAgain } from '../../support/h2load.mjs';
import { brightest, imageShape, line } from '../../support/model.mjs';
import { ModelFolder } from '../../support/model-folder.mjs';
import { randomSource } from '../../support/random.mjs';
import { printHead, printTable } from '../../support/report.mjs';
import { median, spread } from '../../support/stats.mjs';

const rounds = 7;
const contestants = ['echo', 'sink', 'servable'];

const [role, models = '[]'] = process.argv.slice(2);
if (role === undefined) await runBench();
else await runServer(role, JSON.parse(models));

async function runBench() {
  await assertH2load();
  const folder = new ModelFolder();
  const written = [folder.write('line', line()), folder.write('brightest', brightest())];
  const random = randomSource(7);
  const pixels = Float32Array.from({ length: imageShape.reduce((a, b) => a * b) }, random);
  const image = tensor('float32', [1, ...imageShape], pixels);
  const loads = [
    {
      name: 'tiny',
      message: predictRequest('line', tensor('float32', [1], [2])),
      requests: 20_000,
      streams: 16,
    },
    { name: 'image, typed field', message: predictRequest('brightest', image), requests: 1000, streams: 4 },
    {
      name: 'image, tensor_content',
      message: predictRequest('brightest', image, { asTensorContent: true }),
      requests: 1000,
      streams: 4,
    },
  ];
  const models = written.map(({ name, basePath }) => ({ name, basePath }));
  printHead('Predict over gRPC', [
    `${loads.map(({ name, message }) => `${name}: ${message.length} bytes`).join(', ')}; one connection, 16 streams for the tiny one, 4 for images`,
    'echo: a bare grpc-js server that gives the request back; sink: one that answers as many bytes as servable does',
    `${rounds} rounds with processes of their own, in turns; medians; CPU of the server's process; aim: 0.8 times the echo's rate`,
    'with messages of 600 KB a process of Node may be in one of several states, by how its memory lies: see the spread',
  ]);
  for (const load of loads) await compare(load, models);
  await profile(/** @type {Load} */ (loads[0]), models);
}

/** @typedef {{ readonly name: string, readonly message: Buffer, readonly requests: number, readonly streams: number }} Load */

/**
 * @param {Load} load
 * @param {unknown} models
 */
async function compare({ name, message, requests, streams }, models) {
  const results = contestants.map((contestant) => ({
    contestant,
    rates: /** @type {number[]} */ ([]),
    micros: /** @type {number[]} */ ([]),
  }));
  for (let round = 0; round < rounds; round++) {
    for (const { contestant, rates, micros } of results) {
      const server = await startServer(contestant, models);
      await sendAgain(server.port, message, { requests, connections: 1, streams }); // to warm up
      const before = await ask(server);
      const { perSecond } = await sendAgain(server.port, message, { requests, connections: 1, streams });
      const after = await ask(server);
      if (after.answered - before.answered !== requests)
        throw new Error(`${contestant} did not answer all of them`);
      rates.push(perSecond);
      micros.push((after.cpuMicros - before.cpuMicros) / requests);
      server.child.kill();
    }
  }
  const [echo, sink] = results.map(({ rates }) => median(rates));
  printTable(
    results.map(({ contestant, rates, micros }) => ({
      [name]: contestant,
      'requests/s': Math.round(median(rates)),
      rounds: spread(rates, 0),
      'CPU µs each': median(micros),
      'times echo': median(rates) / (echo ?? Number.NaN),
      'times sink': median(rates) / (sink ?? Number.NaN),
    })),
  );
}

/**
 * Where the time of the main thread goes, with and without us. A profile makes all of it slower.
 *
 * @param {Load} load
 * @param {unknown} models
 */
async function profile({ name, message, requests, streams }, models) {
  const micros = [];
  for (const contestant of ['echo', 'servable']) {
    const cpuProfile = new CpuProfile();
    const { port, child } = await startServer(contestant, models, cpuProfile.options);
    for (let round = 0; round < 3; round++) {
      await sendAgain(port, message, { requests, connections: 1, streams });
    }
    child.send('end');
    await once(child, 'exit');
    micros.push(cpuProfile.read());
  }
  const [echo, servable] = micros;
  const each = (/** @type {number | undefined} */ total) => (total ?? 0) / (3 * requests);
  const areas = [...(servable ?? [])].sort(([, a], [, b]) => b - a);
  printTable(
    areas.map(([area, total]) => ({
      [`${name}, µs each, while it is profiled`]: area,
      servable: each(total),
      echo: each(echo?.get(area)),
    })),
  );
}

/** @typedef {{ readonly port: number, readonly child: import('node:child_process').ChildProcess }} Server */

/**
 * @param {string} name
 * @param {unknown} models
 * @param {string[]} [execArgv]
 * @returns {Promise<Server>}
 */
async function startServer(name, models, execArgv = []) {
  const child = fork(import.meta.filename, [name, JSON.stringify(models)], { execArgv });
  const [port] = await once(child, 'message');
  return { port, child };
}

/**
 * What a server has done so far.
 *
 * @param {Server} server
 * @returns {Promise<{ answered: number, cpuMicros: number }>}
 */
async function ask({ child }) {
  child.send('how much?');
  const [done] = await once(child, 'message');
  return done;
}

/**
 * @param {string} role
 * @param {import('servable').ModelOptions[]} models
 */
async function runServer(role, models) {
  let answered = 0;
  const count = () => {
    answered++;
  };
  process.on('message', (message) => {
    if (message === 'end') process.exit();
    const { user, system } = process.cpuUsage();
    process.send?.({ answered, cpuMicros: user + system });
  });
  process.send?.(role === 'servable' ? await serve(models, count) : await serveBare(role, count));
}

/**
 * @param {import('servable').ModelOptions[]} models
 * @param {() => void} count
 */
async function serve(models, count) {
  const server = await new ModelServer({ models }).start();
  const predict = server.predict.bind(server);
  server.predict = async (...args) => {
    const answer = await predict(...args);
    count();
    return answer;
  };
  const { port } = await createGrpcServer(server).listen('127.0.0.1:0');
  return port;
}

/**
 * @param {string} role
 * @param {() => void} count
 * @returns {Promise<number>}
 */
function serveBare(role, count) {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  const widen = widenFlowControl(server); // as servable has it
  const small = Buffer.alloc(60);
  /** @param {Buffer} bytes */
  const identity = (bytes) => bytes;
  const codecs = {
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
  server.addService(
    { Predict: { path: predictPath, requestStream: false, responseStream: false, ...codecs } },
    {
      /** @type {grpc.handleUnaryCall<Buffer, Buffer>} */
      Predict: (call, callback) => {
        count();
        callback(null, role === 'echo' ? call.request : small);
      },
    },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error) return reject(error);
      widen();
      resolve(port);
    });
  });
}
