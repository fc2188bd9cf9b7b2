// Serves the digit classifier by two of its versions: in-process, then over gRPC and REST, and shows what came out.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ModelServer, tensor } from 'servable';
import { ServableClient } from 'servable/client';
import { createGrpcServer } from 'servable/grpc';
import { createHttpHandler } from 'servable/http';

const folder = fileURLToPath(new URL('models/digits', import.meta.url));
/** @type {{ pixels: number[][], label: number[] }} */
const { pixels, label: truth } = JSON.parse(await readFile(`${folder}/test-set.json`, 'utf8'));

const started = performance.now();
const server = await new ModelServer({
  models: [{ name: 'digits', basePath: folder, versionPolicy: { specific: [1, 2] } }],
}).start();
const startMs = performance.now() - started;
console.log(
  `serving ${server
    .status('digits')
    .map(({ id, state }) => `${id.model}@${id.version} ${state}`)
    .join(', ')}`,
);
console.log(`started in ${startMs.toFixed(0)} ms\n`);

for (const version of [1, 2]) {
  const from = performance.now();
  const answers = await Promise.all(pixels.map((image) => classify(version, image)));
  const seconds = (performance.now() - from) / 1000;
  const right = answers.filter((answer, index) => answer === truth[index]).length;
  console.log(
    `version ${version}: ${right} of ${truth.length} right, accuracy ${(right / truth.length).toFixed(3)}, ` +
      `${Math.round(truth.length / seconds).toLocaleString('en')} predictions a second`,
  );
}

const sample = 7;
console.log(
  `\nimage ${sample} of the test set, a ${truth[sample]}; version 2 says ${await classify(2, pixels[sample] ?? [])}:\n`,
);
console.log(`${draw(pixels[sample] ?? [])}\n`);

// The same digits again, by TF Serving's own APIs; a client of them may be another process, in another language.
const grpcServer = createGrpcServer(server);
const restHandler = createHttpHandler(server);
const listeners = {
  gRPC: `grpc://${(await grpcServer.listen('127.0.0.1:0')).address}`,
  REST: `http://${(await restHandler.listen('127.0.0.1:0')).address}`,
};
for (const [wire, address] of Object.entries(listeners)) {
  const client = new ServableClient({ address });
  const images = { pixels: tensor('float32', [pixels.length, 64], pixels.flat()) };
  const { id, outputs } = await client.predict({ model: 'digits', version: 2 }, images, {
    outputs: ['label'],
  });
  const right = truth.filter((digit, index) => digit === Number(outputs.label?.data[index])).length;
  console.log(`over ${wire} at ${address}: version ${id.version}, ${right} of ${truth.length} right`);
  await client.close();
}
await Promise.all([grpcServer.close(), restHandler.close()]);
await server.close();

/** @param {number} version @param {number[]} image */
async function classify(version, image) {
  const { outputs } = await server.predict(
    { model: 'digits', version },
    { pixels: tensor('float32', [1, 64], image) },
  );
  return Number(outputs.label?.data[0]);
}

/** An 8×8 image, two characters a pixel. @param {number[]} image */
function draw(image) {
  const shades = ' ░▒▓█';
  const rows = Array.from({ length: 8 }, (_, row) => image.slice(row * 8, row * 8 + 8));
  return rows
    .map((row) => `  ${row.map((ink) => (shades[Math.round(ink / 4)] ?? ' ').repeat(2)).join('')}`)
    .join('\n');
}
