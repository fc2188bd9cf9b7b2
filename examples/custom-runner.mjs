// A model that is not ONNX: a loader of your own makes a servable of what lies in a version directory. It is found, batched,
// canaried and unloaded like any other; the wires see no difference.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FunctionServable, ModelServer, ServingError, tensor } from 'servable';

/** Versions of a price list: `<basePath>/<version>/prices.json`, the price of one piece by article. */
class PriceListLoader {
  /** @param {import('servable').ServableId} id @param {string} path */
  async load(id, path) {
    const prices = JSON.parse(await readFile(join(path, 'prices.json'), 'utf8'));
    return new FunctionServable({
      id,
      inputs: {
        article: { dtype: 'string', shape: ['batch'] },
        pieces: { dtype: 'int32', shape: ['batch'] },
      },
      outputs: { total: { dtype: 'float64', shape: ['batch'] } },
      run: ({ article, pieces }) => {
        const names = article.data.map(String);
        const totals = names.map((name, row) => {
          if (prices[name] === undefined) throw new ServingError('INVALID_ARGUMENT', `No price for ${name}`);
          return prices[name] * Number(pieces.data[row]);
        });
        return { total: tensor('float64', [totals.length], totals) };
      },
    });
  }
}

const basePath = await mkdtemp(join(tmpdir(), 'prices-'));
for (const [version, prices] of [
  { nail: 0.5, board: 4 },
  { nail: 0.75, board: 4 },
].entries()) {
  await mkdir(join(basePath, `${version + 1}`));
  await writeFile(join(basePath, `${version + 1}`, 'prices.json'), JSON.stringify(prices));
}

/** @type {number[]} */
const runs = [];
const server = await new ModelServer({
  models: [
    { name: 'digits', basePath: 'examples/models/digits' }, // ONNX models are served beside it
    {
      name: 'prices',
      basePath,
      loader: new PriceListLoader(),
      versionPolicy: 'all',
      labels: { stable: 1, canary: 2 },
      batching: { maxBatchSize: 32, batchSafety: 'trust' }, // made-up articles, which it would be tried with, have no price
    },
  ],
  batchingObserver: { onRun: ({ rows }) => runs.push(rows) },
}).start();

/** @param {string} label @param {string} article */
const ask = async (label, article) => {
  const inputs = { article: tensor('string', [1], [article]), pieces: tensor('int32', [1], [10]) };
  return (await server.predict({ model: 'prices', label }, inputs)).outputs.total?.data[0];
};
console.log(await ask('stable', 'nail'), await ask('canary', 'nail')); // 5 7.5

runs.length = 0;
console.log(await Promise.all([ask('stable', 'nail'), ask('stable', 'board'), ask('stable', 'nail')])); // [ 5, 40, 5 ]
console.log(runs); // [ 3 ]

// One bad request among good ones fails alone: the batch is run again in halves until it stands by itself.
const answers = await Promise.allSettled([ask('stable', 'nail'), ask('stable', 'glue')]);
console.log(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.message))); // [ 5, 'No price for glue' ]

await server.close();
await rm(basePath, { recursive: true });
