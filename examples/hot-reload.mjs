// Versions swap under load: clients ask all the time, a new version takes over eight times, and no request fails.
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelServer, tensor } from 'servable';

const basePath = await mkdtemp(join(tmpdir(), 'digits-'));

/** Copies beside, then renames: nobody sees half of a version. @param {number} version */
async function deploy(version) {
  const incoming = join(basePath, 'incoming');
  await cp(`examples/models/digits/${(version % 3) + 1}`, incoming, { recursive: true });
  await rename(incoming, join(basePath, String(version)));
}

await deploy(1);
const server = await new ModelServer({
  models: [{ name: 'digits', basePath, batching: { maxBatchSize: 16 } }],
  pollIntervalMs: 10,
}).start();

const counts = { answered: 0, failed: 0 };
/** @type {Set<number>} */
const versions = new Set();
let isOver = false;

/** One client: asks again as soon as it has been answered. */
async function askUntilOver() {
  const pixels = tensor('float32', [1, 64], new Float32Array(64));
  while (!isOver) {
    try {
      versions.add((await server.predict('digits', { pixels })).id.version);
      counts.answered++;
    } catch (error) {
      console.error(error);
      counts.failed++;
    }
  }
}
const clients = Array.from({ length: 16 }, askUntilOver);

for (let version = 2; version <= 9; version++) {
  await deploy(version);
  await server.waitFor({ model: 'digits', version }, 'AVAILABLE');
  await rm(join(basePath, String(version - 1)), { recursive: true });
  await server.waitFor({ model: 'digits', version: version - 1 }, 'END');
  const before = counts.answered;
  while (counts.answered < before + 500) await new Promise(setImmediate); // some load on each of them
}
isOver = true;
await Promise.all(clients);
console.log(counts.answered >= 4000, counts.failed); // true 0
console.log([...versions].join(' ')); // 1 2 3 4 5 6 7 8 9

await server.close();
await rm(basePath, { recursive: true });
