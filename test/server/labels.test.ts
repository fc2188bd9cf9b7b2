import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type LabelMove, type ModelOnDisk, type ModelOptions, ModelServer, tensor } from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const x = { x: tensor('float32', [1], [1]) };
const servers: ModelServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

let count = 0;
/** A model whose version v adds v. */
function addModel(...versions: number[]) {
  const name = `m${count++}`;
  const add = (version: number) => writeModel(folder, name, version, authored.linear(1, version));
  mkdirSync(join(folder, name));
  for (const version of versions) add(version);
  const options = (more: Partial<ModelOnDisk> = {}): ModelOptions => ({
    name,
    basePath: join(folder, name),
    versionPolicy: 'all',
    ...more,
  });
  return { name, add, options };
}

async function serve(...models: ModelOptions[]) {
  const clock = new FakeClock();
  const server = new ModelServer({ models, clock, lookTimeoutMs: Number.POSITIVE_INFINITY });
  servers.push(server);
  const moves: LabelMove[] = [];
  server.on('label', (move) => moves.push(move));
  await server.start();
  const look = async () => {
    while (clock.pending === 0) await new Promise(setImmediate);
    clock.advance(1000);
  };
  const answer = async (model: string, label: string) => {
    const { id, outputs } = await server.predict({ model, label }, x);
    return [id.version, outputs.y?.data[0]];
  };
  return { server, moves, look, answer };
}

describe('a label', () => {
  it('works from the start on, where its version is there', async () => {
    const { name, options } = addModel(1, 2);
    const { server, answer } = await serve(options({ labels: { stable: 1, canary: 2 } }));
    expect([await answer(name, 'stable'), await answer(name, 'canary')]).toEqual([
      [1, 2],
      [2, 3],
    ]);
    expect(server.signature({ model: name, label: 'stable' }).name).toBe('serving_default');
  });

  it('moves with one change that adds its version and names it', async () => {
    const { name, add, options } = addModel(1);
    const { server, answer, moves } = await serve(options({ labels: { stable: 1 } }));
    add(2);
    await server.reconfigure([options({ labels: { stable: 2 } })]);
    expect(await answer(name, 'stable')).toEqual([2, 3]);
    expect(moves).toEqual([
      { model: name, label: 'stable', to: 1 },
      { model: name, label: 'stable', from: 1, to: 2 },
    ]);
  });

  it('stays where it is while its version is not there, is said to, and moves when it comes', async () => {
    const { name, add, options } = addModel(1);
    const { server, answer, look } = await serve(options({ labels: { stable: 1 } }));
    expect(await rejection(server.reconfigure([options({ labels: { stable: 2 } })]))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `Request to assign label to version 2 of model ${name}, which is not currently available for inference`,
      id: { model: name, version: 2 },
    });
    expect(await answer(name, 'stable')).toEqual([1, 2]);
    expect(server.listModels()).toMatchObject([
      { name, labels: [{ label: 'stable', version: 2, current: 1 }] },
    ]);
    add(2);
    await look();
    await server.waitFor({ model: name, version: 2 }, 'AVAILABLE');
    expect(await answer(name, 'stable')).toEqual([2, 3]);
  });

  it('is not found while nothing answers for it, and unknown when it is gone', async () => {
    const { name, options } = addModel(1);
    const { server } = await serve(options({ labels: { canary: 2 } }));
    expect(await rejection(server.predict({ model: name, label: 'canary' }, x))).toMatchObject({
      code: 'NOT_FOUND',
      message: `Servable not found for request: Specific(${name}, 2)`,
    });
    await server.reconfigure([options()]);
    expect(await rejection(server.predict({ model: name, label: 'canary' }, x))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Unrecognized servable version label: canary',
    });
  });

  it('never points to a version that is unloaded', async () => {
    const { name, add, options } = addModel(1);
    const latest = options({ versionPolicy: { latest: 1 }, labels: { stable: 1 } });
    const { server, look } = await serve(latest);
    add(2);
    await look();
    await server.waitFor({ model: name, version: 1 }, 'END');
    expect(await rejection(server.predict({ model: name, label: 'stable' }, x))).toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(server.listModels()[0]?.labels).toEqual([{ label: 'stable', version: 1 }]);
  });

  it.each([
    [{ model: 'm', version: 1, label: 'stable' }, 'a version or a label'],
    [{ model: 'm', label: 7 }, 'a string as label'],
  ])('is refused in the spec %j', async (spec, expected) => {
    const { server } = await serve();
    expect(await rejection(server.predict(spec as never, x))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      expected,
    });
  });
});
