/**
 * What a predict costs its caller: the client of `servable/client`, over gRPC and REST, beside what one writes without it:
 * grpc-js with proto-loader, and fetch with JSON. The server is a process of its own; all ask the same one, in turns.
 *
 *     node bench/client/predict.mjs
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ModelServer, tensor } from 'servable';
import { ServableClient } from 'servable/client';
import { createGrpcServer } from 'servable/grpc';
import { createHttpHandler } from 'servable/http';
import { alternate, paired, timingCells } from '../support/alternate.mjs';
import { flatten } from '../support/flatten.mjs';
import { tiny, width } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { randomSource } from '../support/random.mjs';
import { printHead, printTable } from '../support/report.mjs';

const model = 'half';

/** @typedef {{ readonly grpc: string, readonly rest: string }} Addresses */
/** @typedef {{ readonly rows: number, readonly x: Float32Array }} Load */
/** @typedef {{ readonly name: string, readonly ask: (load: Load) => Promise<Float32Array>, readonly close: () => unknown }} Way */

const [basePath] = process.argv.slice(2);
if (basePath === undefined) await runBench();
else await serve(basePath);

async function runBench() {
  const { basePath } = new ModelFolder().write(model, tiny());
  const child = fork(import.meta.filename, [basePath]);
  const [addresses] = /** @type {[Addresses]} */ (await once(child, 'message'));
  printHead('A predict, as its caller sees it', [
    `x float32 [rows, ${width}] → y = x / 2 + 2, as large; numbers of 24 random bits; the server in another process on the same two cores`,
    'proto-loader: @grpc/proto-loader and grpc-js; with float_val, as most write it, or with tensor_content, a Buffer',
    'fetch: JSON.stringify, fetch, JSON.parse, and the lists into a Float32Array',
    'the time of one call, alone or of 16 at once; medians of 15 rounds in turns; each answer is checked',
  ]);
  const grpcWays = [
    ourWay('servable, gRPC', addresses.grpc),
    protoWay('proto-loader, float_val', addresses.grpc, false),
    protoWay('proto-loader, tensor_content', addresses.grpc, true),
  ];
  const restWays = [ourWay('servable, REST', addresses.rest), fetchWay('fetch and JSON', addresses.rest)];
  const fourWays = [1, 2, 4].map((connections) =>
    ourWay(`${connections} connection${connections > 1 ? 's' : ''}`, addresses.grpc, { connections }),
  );
  for (const rows of [1, 588]) {
    const load = loadOf(rows);
    for (const ways of [grpcWays, restWays]) {
      for (const atOnce of [1, 16]) await compare(ways, load, atOnce);
    }
    await compare(fourWays, load, 16);
  }
  for (const { close } of [...grpcWays, ...restWays, ...fourWays]) await close();
  child.kill();
}

/** @param {number} rows */
function loadOf(rows) {
  const random = randomSource(7);
  return { rows, x: Float32Array.from({ length: rows * width }, random) };
}

/**
 * @param {readonly Way[]} ways
 * @param {Load} load
 * @param {number} atOnce
 */
async function compare(ways, load, atOnce) {
  const timings = await alternate(
    ways.map(({ name, ask }) => ({ name, call: async () => check(await ask(load), load) })),
    { atOnce, roundMs: load.rows > 1 ? 400 : 100, warmUpMs: 1000 },
  );
  const [ours] = timings;
  const size = `${Math.ceil((load.x.byteLength / 1024) * 10) / 10} KB, ${atOnce} at once`;
  printTable(
    timings.map((timing) => ({
      [size]: timing.name,
      ...timingCells(timing),
      'times the first': ours ? paired(timing, ours, (value, base) => value / base) : 1,
    })),
  );
}

/**
 * @param {Float32Array} y
 * @param {Load} load
 */
function check(y, { x }) {
  const last = x.length - 1;
  const right = (/** @type {number} */ place) =>
    y[place] === Math.fround(Math.fround(/** @type {number} */ (x[place]) / 2) + 2);
  if (y.length !== x.length || !right(0) || !right(last)) throw new Error('The answer is wrong');
}

/**
 * @param {string} name
 * @param {string} address
 * @param {Partial<import('servable/client').ServableClientOptions>} [options]
 * @returns {Way}
 */
function ourWay(name, address, options) {
  const client = new ServableClient({ address, ...options });
  return {
    name,
    ask: async ({ rows, x }) => {
      const { outputs } = await client.predict(model, { x: tensor('float32', [rows, width], x) });
      return /** @type {Float32Array} */ (outputs.y?.data);
    },
    close: () => client.close(),
  };
}

/**
 * @param {string} name
 * @param {string} address
 * @param {boolean} asContent
 * @returns {Way}
 */
function protoWay(name, address, asContent) {
  const require = createRequire(import.meta.url);
  const grpc = require('@grpc/grpc-js');
  const definition = require('@grpc/proto-loader').loadSync(
    'tensorflow_serving/apis/prediction_service.proto',
    { includeDirs: [fileURLToPath(new URL('../../protos', import.meta.url))], keepCase: true, longs: Number },
  );
  const loaded = /** @type {any} */ (grpc.loadPackageDefinition(definition)); // such a client knows no types
  const { PredictionService } = loaded.tensorflow.serving;
  const client = new PredictionService(address.replace('grpc://', ''), grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  });
  return {
    name,
    ask: async ({ rows, x }) => {
      const tensor_shape = { dim: [{ size: rows }, { size: width }] };
      const elements = asContent
        ? { tensor_content: Buffer.from(x.buffer, x.byteOffset, x.byteLength) }
        : { float_val: Array.from(x) };
      const request = {
        model_spec: { name: model },
        inputs: { x: { dtype: 'DT_FLOAT', tensor_shape, ...elements } },
      };
      const response = await new Promise((resolve, reject) => {
        const deadline = Date.now() + 60_000;
        client.Predict(
          request,
          { deadline },
          (/** @type {unknown} */ error, /** @type {unknown} */ answer) =>
            error ? reject(error) : resolve(answer),
        );
      });
      return Float32Array.from(response.outputs.y.float_val);
    },
    close: () => client.close(),
  };
}

/**
 * @param {string} name
 * @param {string} address
 * @returns {Way}
 */
function fetchWay(name, address) {
  return {
    name,
    ask: async ({ rows, x }) => {
      const instances = Array.from({ length: rows }, (_, row) =>
        Array.from(x.subarray(row * width, (row + 1) * width)),
      );
      const response = await fetch(`${address}/v1/models/${model}:predict`, {
        method: 'POST',
        body: JSON.stringify({ instances }),
        signal: AbortSignal.timeout(60_000),
      });
      if (!response.ok) throw new Error(await response.text());
      const { predictions } = /** @type {{ predictions: unknown[] }} */ (await response.json());
      return flatten(predictions, rows * width);
    },
    close: () => {},
  };
}

/** @param {string} basePath */
async function serve(basePath) {
  const server = await new ModelServer({ models: [{ name: model, basePath }] }).start();
  const { address } = await createGrpcServer(server).listen('127.0.0.1:0');
  const overHttp = await createHttpHandler(server).listen('127.0.0.1:0');
  process.send?.({ grpc: `grpc://${address}`, rest: `http://${overHttp.address}` });
}
