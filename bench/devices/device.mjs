/**
 * What a device is good for: latency and throughput by batch size, two models on it at once, copies against compute, and
 * memory against its cap. Prints why where there is no such device. Exit code 1 where an answer is wrong.
 *
 *     node bench/devices/device.mjs            # cuda:0
 *     node bench/devices/device.mjs webgpu
 */
import { listDevices, ModelServer, tensor } from 'servable';
import { brightest, heavy, imageShape, mlp, mlpWidth, width } from '../support/model.mjs';
import { ModelFolder } from '../support/model-folder.mjs';
import { officialFeeds, openOfficial } from '../support/official.mjs';
import { printHead, printTable } from '../support/report.mjs';
import { median } from '../support/stats.mjs';

/** @typedef {import('servable').DeviceName} DeviceName */
/** @typedef {import('servable').ModelServerOptions} ModelServerOptions */

const device = /** @type {DeviceName} */ (process.argv[2] ?? 'cuda:0');
const rounds = 30;
const together = 64;

const report = (await listDevices()).find((each) => each.device === device || `${each.device}:0` === device);
printHead(`The device ${device}`, [
  `${rounds} rounds of each, alternating, after a warm-up; medians`,
  report?.gpu ? `${report.gpu.name}, driver ${report.gpu.driverVersion}` : `no driver tells of it`,
]);

if (report?.isAvailable !== true) {
  console.log(`Not measured: there is no ${device} here.`);
  for (const { reason, fix } of report?.problems ?? []) console.log(`- ${reason}${fix ? ` (${fix})` : ''}`);
} else {
  await byBatchSize();
  await twoModels();
  await copiesAgainstCompute();
  if (device.startsWith('cuda')) await memoryAgainstCap();
}

/** A run of one batch at a time, on the device and on the CPU, answers compared. */
async function byBatchSize() {
  const { basePath, file } = new ModelFolder().write('mlp', mlp());
  const server = await start({
    models: [
      { name: 'device', basePath, device },
      { name: 'cpu', basePath, device: 'cpu' },
    ],
  });
  const official = await openOfficial(file);
  const rows = [];
  for (const size of [1, 8, 32, 128, 512]) {
    const x = tensor('float32', [size, mlpWidth], new Float32Array(size * mlpWidth).fill(1));
    const { y } = await official.run(officialFeeds({ x }), ['y']);
    for (const name of ['device', 'cpu']) assertClose(await predict(server, name, x), y?.data);
    const times = await alternate(['device', 'cpu'], (name) => predict(server, name, x));
    const [onDevice, onCpu] = [median(times.device ?? []), median(times.cpu ?? [])];
    rows.push({
      rows: size,
      'device ms': onDevice,
      'CPU ms': onCpu,
      'device rows/s': Math.round((size * 1000) / onDevice),
      'CPU rows/s': Math.round((size * 1000) / onCpu),
      ratio: onCpu / onDevice,
    });
  }
  console.log('## 11.6 MB MLP, one request at a time\n');
  printTable(rows);
  await official.release();
  await server.close();
}

/** Two models that each have requests all the time, against one of them alone. */
async function twoModels() {
  const { basePath } = new ModelFolder().write('mlp', mlp());
  const batching = { maxBatchSize: 32, allowedBatchSizes: [8, 32] };
  const server = await start({
    models: ['a', 'b'].map((name) => ({ name, basePath, device, batching })),
  });
  const x = tensor('float32', [1, mlpWidth], new Float32Array(mlpWidth).fill(1));
  /** @param {readonly string[]} names */
  const flood = (names) =>
    Promise.all(
      Array.from({ length: together * 4 }, (_, at) => predict(server, names[at % names.length] ?? '', x)),
    );
  const times = await alternate(['a', 'a,b'], (names) => flood(names.split(',')));
  console.log(`## ${together * 4} requests at once in batches of 32, two models on ${device}\n`);
  printTable(
    Object.entries(times).map(([names, took]) => ({
      models: names,
      'requests/s': Math.round((together * 4 * 1000) / median(took)),
    })),
  );
  await server.close();
}

/** A large input that is looked at once, and a small one through large matrices. */
async function copiesAgainstCompute() {
  const folder = new ModelFolder();
  const server = await start({
    models: [
      { name: 'copies', basePath: folder.write('copies', brightest()).basePath, device },
      { name: 'compute', basePath: folder.write('compute', heavy(256)).basePath, device },
    ],
  });
  const batch = 16;
  const pixels = batch * imageShape.reduce((product, size) => product * size, 1);
  /** @type {Record<string, import('servable').Tensor>} */
  const inputs = {
    copies: tensor('float32', [batch, ...imageShape], new Float32Array(pixels).fill(1)),
    compute: tensor('float32', [batch, width], new Float32Array(batch * width).fill(1)),
  };
  const times = await alternate(Object.keys(inputs), (name) => predict(server, name, inputs[name] ?? fail()));
  console.log('## Copies against compute\n');
  printTable([
    { what: `${batch} images of 600 KB, each value looked at once`, ms: median(times.copies ?? []) },
    { what: `${batch} rows through a matrix of 256 MiB`, ms: median(times.compute ?? []) },
  ]);
  await server.close();
}

/** What the arena takes under a cap, and that weights above it are refused. */
async function memoryAgainstCap() {
  const folder = new ModelFolder();
  const gpuMemoryFraction = 0.02;
  const server = await start({
    gpuMemoryFraction,
    maxNumLoadRetries: 0,
    models: [
      { name: 'fits', basePath: folder.write('fits', heavy(256)).basePath, device },
      { name: 'large', basePath: folder.write('large', heavy(1024)).basePath, device },
    ],
  });
  const x = tensor('float32', [64, width], new Float32Array(64 * width).fill(1));
  await predict(server, 'fits', x);
  const { arenas, gpus } = server.snapshot();
  const arena = arenas[device];
  console.log(`## gpuMemoryFraction ${gpuMemoryFraction}\n`);
  printTable([
    { what: 'limit, bytes', value: arena?.limitBytes ?? Number.NaN },
    { what: 'in the arena, bytes', value: arena?.allocatedBytes ?? Number.NaN },
    { what: 'of the device in all, bytes', value: gpus[0]?.memoryUsedBytes ?? Number.NaN },
    { what: '256 MiB', value: server.status('fits')[0]?.state ?? '' },
    {
      what: '1 GiB',
      value: server.status('large')[0]?.error?.message ?? server.status('large')[0]?.state ?? '',
    },
  ]);
  await server.close();
}

/** @param {ModelServerOptions} options */
async function start(options) {
  return new ModelServer({ pollIntervalMs: 0, ...options }).start();
}

/**
 * @param {ModelServer} server
 * @param {string} model
 * @param {import('servable').Tensor} x
 */
async function predict(server, model, x) {
  const { outputs } = await server.predict(model, { x });
  return outputs.y?.data;
}

/**
 * Milliseconds that each takes, round after round.
 *
 * @param {readonly string[]} names
 * @param {(name: string) => Promise<unknown>} work
 */
async function alternate(names, work) {
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (const name of names) await work(name);
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const started = performance.now();
      await work(name);
      times[name]?.push(performance.now() - started);
    }
  }
  return times;
}

/**
 * @param {unknown} actual
 * @param {unknown} expected
 */
function assertClose(actual, expected) {
  const [left, right] = [/** @type {Float32Array} */ (actual), /** @type {Float32Array} */ (expected)];
  const differs = right.some(
    (value, at) => Math.abs((left[at] ?? Number.NaN) - value) > 1e-2 * Math.abs(value) + 1e-3,
  );
  if (differs || left.length !== right.length) fail();
}

/** @returns {never} */
function fail() {
  console.error('An answer is wrong');
  process.exit(1);
}
