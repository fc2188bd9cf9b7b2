import { writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  FunctionServable,
  type Loader,
  ModelServer,
  type ModelServerOptions,
  type ServableId,
  ServingError,
  tensor,
  writeWarmupFile,
} from 'servable';
import { createHttpHandler } from 'servable/http';
import { afterEach, expect, it } from 'vitest';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { settled } from '../support/server.js';

const folder = temporaryFolder();
const servers: ModelServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close({ graceMs: 0 })));
});
async function serve(options: ModelServerOptions) {
  const server = new ModelServer({ pollIntervalMs: 0, ...options });
  servers.push(server);
  return await server.start();
}

let count = 0;
/** A model of ours, whose versions are files with a number to add. */
async function newModel(...addends: readonly unknown[]) {
  const name = `sum${count++}`;
  for (const [index, addend] of addends.entries()) {
    await mkdir(join(folder, name, `${index + 1}`), { recursive: true });
    writeFileSync(join(folder, name, `${index + 1}`, 'addend.txt'), String(addend));
  }
  return { name, basePath: join(folder, name) };
}

/** Loads `addend.txt`: `x` float64 [batch] → `y` float64 [batch]. */
class SumLoader implements Loader {
  readonly loads: string[] = [];
  readonly unloads: number[] = [];
  readonly runs: number[][] = [];

  async load(id: ServableId, path: string) {
    this.loads.push(path);
    const addend = Number(await readFile(join(path, 'addend.txt'), 'utf8'));
    if (Number.isNaN(addend)) throw new ServingError('DATA_LOSS', `No number in ${path}`, { id });
    return new FunctionServable({
      id,
      inputs: { x: { dtype: 'float64', shape: ['batch'] } },
      outputs: { y: { dtype: 'float64', shape: ['batch'] } },
      run: ({ x }) => {
        this.runs.push([...x.data]);
        return {
          y: tensor(
            'float64',
            x.shape,
            x.data.map((value) => value + addend),
          ),
        };
      },
      unload: () => void this.unloads.push(id.version),
      memoryBytes: 1000,
    });
  }
}
const x = (...values: number[]) => ({ x: tensor('float64', [values.length], values) });

it('a loader of the host’s serves its model, versioned and labelled, beside ONNX models', async () => {
  const loader = new SumLoader();
  const model = await newModel(10, 20);
  const linear = { name: 'linear', basePath: writeModel(folder, 'linear', 1, authored.linear(1, 1)) };
  const server = await serve({
    models: [linear, { ...model, loader, versionPolicy: 'all', labels: { stable: 1 } }],
  });
  const ask = async (label?: string) =>
    (await server.predict({ model: model.name, ...(label && { label }) }, x(1))).outputs.y?.data[0];
  expect([await ask('stable'), await ask()]).toEqual([11, 21]);
  const { outputs } = await server.predict('linear', { x: tensor('float32', [1], [1]) });
  expect(outputs.y?.data[0]).toBe(2);
  await server.reconfigure([{ ...model, loader }]);
  await server.waitFor({ model: model.name, version: 1 }, 'END');
  expect(loader.unloads).toEqual([1]);
});

it('its requests are checked, batched, and answered over a wire', async () => {
  const loader = new SumLoader();
  const model = await newModel(10);
  const server = await serve({ models: [{ ...model, loader, batching: { maxBatchSize: 8 } }] });
  expect(server.status(model.name)[0]?.batching).toEqual({ isOn: true }); // its rows were tried
  loader.runs.length = 0;
  const answers = await Promise.all([1, 2, 3].map((value) => server.predict(model.name, x(value))));
  expect(answers.map(({ outputs }) => outputs.y?.data[0])).toEqual([11, 12, 13]);
  expect(loader.runs).toEqual([[1, 2, 3]]);
  expect((await rejection(server.predict(model.name, { x: tensor('float32', [1], [1]) }))).code).toBe(
    'INVALID_ARGUMENT',
  );
  const { fetch } = createHttpHandler(server);
  const body = JSON.stringify({ instances: [1, 2.5] });
  const answer = await fetch(
    new Request(`http://localhost/v1/models/${model.name}:predict`, { method: 'POST', body }),
  );
  expect(await answer.json()).toEqual({ predictions: [11, 12.5] });
});

it('its versions are warmed up and fit into the memory budget', async () => {
  const loader = new SumLoader();
  const model = await newModel(10);
  await writeWarmupFile(join(model.basePath, '1'), [{ inputs: x(7) }]);
  const server = await serve({ models: [{ ...model, loader }], memoryBudgetBytes: 5000 });
  expect(loader.runs).toEqual([[7]]);
  expect(server.snapshot().memory.usedBytes).toBe(1000);
});

it('a version that it cannot load says why, and the others are served', async () => {
  const model = await newModel(10, 'ten');
  const server = await serve({ models: [{ ...model, loader: new SumLoader(), versionPolicy: 'all' }] });
  expect(await settled(server, { model: model.name, version: 2 })).toMatchObject({
    state: 'END',
    error: { code: 'DATA_LOSS', message: `No number in ${join(model.basePath, '2')}` },
  });
  expect((await server.predict(model.name, x(1))).id.version).toBe(1);
});

it('another loader is another build, and the same one is none', async () => {
  const [first, second] = [new SumLoader(), new SumLoader()];
  const model = await newModel(10);
  const server = await serve({ models: [{ ...model, loader: first }] });
  await server.reconfigure([{ ...model, loader: first }]);
  await server.reconfigure([{ ...model, loader: second }]);
  await server.waitFor({ model: model.name, version: 1 }, 'AVAILABLE');
  expect([first.loads.length, second.loads.length]).toEqual([1, 1]);
  await expect.poll(() => first.unloads).toEqual([1]);
});

it('what a function hangs in is failed when the server closes', async () => {
  const model = await newModel(10);
  const hanging: Loader = {
    load: async (id) =>
      new FunctionServable({
        id,
        inputs: { x: { dtype: 'float64', shape: ['batch'] } },
        outputs: {},
        run: () => new Promise<never>(() => {}),
      }),
  };
  const server = await serve({ models: [{ ...model, loader: hanging }] });
  const asked = rejection(server.predict(model.name, x(1)));
  await server.close({ graceMs: 0 });
  expect((await asked).code).toBe('UNAVAILABLE');
});
