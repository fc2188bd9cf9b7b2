// Requests share runs: what comes together goes together, everybody gets their own answer, and a bad request fails alone.
import { fileURLToPath } from 'node:url';
import { ModelServer, tensor } from 'servable';

const basePath = fileURLToPath(new URL('models/digits', import.meta.url));
/** @type {number[]} */
const runs = [];
const server = new ModelServer({
  models: [{ name: 'digits', basePath, batching: { maxBatchSize: 32, maxEnqueuedBatches: 2 } }],
  batchingObserver: { onRun: ({ rows }) => runs.push(rows) },
});
server.on('unbatched', ({ id, reason }) => console.error(`${id.model}@${id.version} runs alone: ${reason}`));
await server.start();
console.log(server.status('digits')[0]?.batching); // { isOn: true }

/**
 * @param {number} rows
 * @param {import('servable').PredictOptions} [options]
 */
function ask(rows, options) {
  const pixels = tensor('float32', [rows, 64], new Float32Array(rows * 64));
  return server.predict('digits', { pixels }, options);
}

// 40 requests at once, two runs.
const answers = await Promise.all(Array.from({ length: 40 }, () => ask(1)));
console.log(answers.length, runs); // 40 [ 32, 8 ]

// A request that is larger than a batch is cut, and its answer put together again.
console.log((await ask(50)).outputs.label?.shape); // [ 50 ]

// Where batches wait, a higher priority goes first.
console.log((await ask(1, { priority: 1 })).id.version); // 3

// What its caller gave up is not run.
console.log(await ask(1, { signal: AbortSignal.abort() }).catch(({ code }) => code)); // CANCELLED

// More than may wait is refused at once, and may be tried again.
const flood = Array.from({ length: 5000 }, () =>
  ask(1).catch(({ code, retryable }) => `${code} ${retryable}`),
);
console.log((await Promise.all(flood)).find((answer) => typeof answer === 'string')); // UNAVAILABLE true

await server.close();
