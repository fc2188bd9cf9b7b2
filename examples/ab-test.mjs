// An A/B test by label: a share of the users, always the same ones, is answered by the canary, which is promoted or taken
// back while everybody goes on being answered.
import { createHash } from 'node:crypto';
import { ModelServer, tensor } from 'servable';

/** @param {{ stable: number, canary: number }} labels */
const digits = (labels) => ({
  name: 'digits',
  basePath: 'examples/models/digits',
  versionPolicy: { specific: [...new Set([labels.stable, labels.canary])] },
  labels,
});
const server = await new ModelServer({ models: [digits({ stable: 1, canary: 2 })] }).start();

let canaryPercent = 10;

/**
 * From 0 to 99, the same for a user on every machine and after every restart. The name of the test goes into the hash, so
 * that it is not the same users who get every canary.
 *
 * @param {string} test @param {string} userId
 */
function bucketOf(test, userId) {
  return createHash('sha256').update(`${test}:${userId}`).digest().readUInt32BE() % 100;
}

/** @param {string} userId */
const labelOf = (userId) => (bucketOf('digits-2', userId) < canaryPercent ? 'canary' : 'stable');

const pixels = tensor('float32', [1, 64], new Float32Array(64));
const users = Array.from({ length: 1000 }, (_, index) => `user-${index}`);

/** How many users each version answers. */
async function askAll() {
  /** @type {Record<number, number>} */
  const answered = {};
  const answers = users.map((id) => server.predict({ model: 'digits', label: labelOf(id) }, { pixels }));
  for (const { id } of await Promise.all(answers)) answered[id.version] = (answered[id.version] ?? 0) + 1;
  return answered;
}

console.log(labelOf('user-1'), labelOf('user-1')); // canary canary
console.log(await askAll()); // { '1': 903, '2': 97 }

// It does well: more of them. Who was in the canary's share stays in it.
const early = users.filter((id) => labelOf(id) === 'canary');
canaryPercent = 50;
console.log(early.every((id) => labelOf(id) === 'canary')); // true
console.log(await askAll()); // { '1': 509, '2': 491 }

// Promote it: both labels mean version 2, in one step, and version 1 goes when it has ended what it has.
await server.reconfigure([digits({ stable: 2, canary: 2 })]);
console.log(await askAll()); // { '2': 1000 }

// The next one is bad: take it back by its label alone.
await server.reconfigure([digits({ stable: 2, canary: 3 })]);
console.log((await server.predict({ model: 'digits', label: 'canary' }, { pixels })).id.version); // 3
await server.reconfigure([digits({ stable: 2, canary: 2 })]);
console.log(await askAll()); // { '2': 1000 }

await server.close();
