/**
 * What a wider flow-control window is worth to a request of 600 KB whose way to the server takes time.
 *
 * Client, servers and the link between them are processes of their own; the link holds back what it is given for 1 ms each
 * way.
 *
 *     node bench/transport/grpc/window.mjs
 */
import { fork } from 'node:child_process';
import { connect, createServer } from 'node:net';
import grpc from '@grpc/grpc-js';
import { tensor } from 'servable';
import { widenFlowControl } from '#dist/transport/grpc/flow-control.js';
import { encodeTensor } from '#dist/wire/encode-tensor.js';
import { alternate, paired, timingCells } from '../../support/alternate.mjs';
import { randomSource } from '../../support/random.mjs';
import { printHead, printTable } from '../../support/report.mjs';

const delayMs = 1;
const kibibyte = 1024;
const windows = [
  { name: "HTTP/2's own, 64 KiB", bytes: 0 },
  { name: '256 KiB', bytes: 256 * kibibyte },
  { name: '1 MiB', bytes: 1024 * kibibyte },
  { name: '4 MiB, the default', bytes: 4096 * kibibyte },
];
const path = '/tensorflow.serving.PredictionService/Predict';
/** @param {Buffer} bytes */
const identity = (bytes) => bytes;

const [role, ports = '[]'] = process.argv.slice(2);
if (role === 'servers') await runServers();
else if (role === 'links') await runLinks(JSON.parse(ports));
else await runClients();

async function runClients() {
  const { child: servers, ports } = await start('servers');
  const { child: links, ports: linked } = await start('links', ports);
  const random = randomSource(7);
  const pixels = Float32Array.from({ length: 224 * 224 * 3 }, random);
  const image = Buffer.from(encodeTensor(tensor('float32', [1, 224, 224, 3], pixels)));
  const tiny = Buffer.alloc(4);

  printHead('The flow-control window of a gRPC server', [
    `requests of ${image.length} bytes, a float32 [1, 224, 224, 3]; answers of 4; one connection to each server, grpc-js on both sides`,
    `link: ${delayMs} ms each way, as its timers have it: the tiny requests say what that comes to; every answer is checked`,
  ]);
  printTable(await compare('same machine', ports, image, 1));
  printTable(await compare('link, 4 bytes', linked, tiny, 1));
  printTable(await compare('link', linked, image, 1));
  printTable(await compare('link, 8 at once', linked, image, 8));
  servers.kill();
  links.kill();
}

/**
 * @param {string} way
 * @param {readonly number[]} ports
 * @param {Buffer} message
 * @param {number} atOnce
 */
async function compare(way, ports, message, atOnce) {
  const clients = ports.map(
    (port) => new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure()),
  );
  const contestants = clients.map((client, place) => ({
    name: windows[place]?.name ?? '',
    call: () => ask(client, message),
  }));
  const timings = await alternate(contestants, { rounds: 15, roundMs: 200, atOnce });
  for (const client of clients) client.close();
  const [own] = timings;
  if (own === undefined) throw new Error('Nothing was timed');
  return timings.map((timing) => ({
    [way]: timing.name,
    ...timingCells(timing),
    'times the first': paired(timing, own, (value, base) => value / base),
  }));
}

/**
 * @param {grpc.Client} client
 * @param {Buffer} message
 * @returns {Promise<void>}
 */
function ask(client, message) {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, identity, identity, message, (error, answer) => {
      if (error) reject(error);
      else if (answer?.readUInt32LE() !== message.length) reject(new Error('The answer is wrong'));
      else resolve();
    });
  });
}

/**
 * A process in a role.
 *
 * @param {string} role
 * @param {readonly number[]} [given]
 * @returns {Promise<{ child: import('node:child_process').ChildProcess, ports: number[] }>} with the ports that it opens
 */
function start(role, given = []) {
  return new Promise((resolve) => {
    const child = fork(import.meta.filename, [role, JSON.stringify(given)]);
    child.once('message', (ports) => resolve({ child, ports: /** @type {number[]} */ (ports) }));
  });
}

/** A server for each window, which answers with the length of what it was sent. */
async function runServers() {
  const method = { path, requestStream: false, responseStream: false };
  const codecs = {
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
  const opened = windows.map(({ bytes }) => {
    const server = new grpc.Server();
    const widen = widenFlowControl(server, bytes);
    server.addService(
      { Predict: { ...method, ...codecs } },
      {
        /** @type {grpc.handleUnaryCall<Buffer, Buffer>} */
        Predict: ({ request }, answer) => {
          const length = Buffer.alloc(4);
          length.writeUInt32LE(request.length);
          answer(null, length);
        },
      },
    );
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
        widen();
        if (error) reject(error);
        else resolve(port);
      });
    });
  });
  process.send?.(await Promise.all(opened));
}

/**
 * Opens a port for each of these, and passes on what comes, some time later.
 *
 * @param {readonly number[]} targets
 */
async function runLinks(targets) {
  const opened = targets.map(
    (port) =>
      new Promise((resolve) => {
        const server = createServer({ noDelay: true }, (near) => {
          const far = connect({ port, host: '127.0.0.1', noDelay: true });
          delay(near, far);
          delay(far, near);
        });
        server.listen(0, '127.0.0.1', () => {
          resolve(/** @type {import('node:net').AddressInfo} */ (server.address()).port);
        });
      }),
  );
  process.send?.(await Promise.all(opened));
}

/**
 * @param {import('node:net').Socket} from
 * @param {import('node:net').Socket} to
 */
function delay(from, to) {
  from.on('data', (bytes) => void setTimeout(() => to.write(bytes), delayMs));
  from.on('close', () => void setTimeout(() => to.destroy(), delayMs));
  from.on('error', () => {}); // its close follows
}
