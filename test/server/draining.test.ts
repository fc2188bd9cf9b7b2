import { type ModelOnDisk, type ModelOptions, ModelServer, type ModelServerOptions, tensor } from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const basePath = writeModel(folder, 'spin', 1, authored.spin());
writeModel(folder, 'spin', 2, authored.spin());
const linear: ModelOptions = { name: 'linear', basePath: writeModel(folder, 'linear', 1, authored.linear()) };
const spin = (version: number, more: Partial<ModelOnDisk> = {}): ModelOptions => ({
  name: 'spin',
  basePath,
  versionPolicy: { specific: [version] },
  ...more,
});
const x = { x: tensor('float32', [1], [1]) };
const turns = (count: number) => ({
  x: tensor('float32', [1, 256], new Float32Array(256)),
  n: tensor('int64', [], [count]),
});
const forEver = turns(1e9);

const servers: ModelServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close({ graceMs: 0 })));
});
async function serve(options: Partial<ModelServerOptions> = {}) {
  const clock = new FakeClock();
  const server = new ModelServer({
    models: [spin(1), linear],
    numBatchThreads: 2,
    pollIntervalMs: 0,
    lookTimeoutMs: Number.POSITIVE_INFINITY,
    clock,
    ...options,
  });
  servers.push(server);
  await server.start();
  return { server, clock };
}

describe('a version that is to go while a request runs', () => {
  it('lets the request finish, while the new version answers and other models change', async () => {
    const { server } = await serve();
    const held = server.predict({ model: 'spin', version: 1 }, turns(3000));
    await server.reconfigure([spin(2), linear, { ...linear, name: 'another' }]);
    expect(server.isReady()).toBe(true);
    expect((await server.predict('another', x)).id.version).toBe(1);
    expect((await server.predict('spin', turns(1))).id.version).toBe(2);
    expect((await held).id.version).toBe(1);
    await server.waitFor({ model: 'spin', version: 1 }, 'END');
  });

  it.each<[string, Partial<ModelOnDisk>]>([
    ['alone', {}],
    ['through the batches', { batching: { maxBatchSize: 4, batchSafety: 'trust' } }],
  ])('fails it when its time is over, and is gone then (%s)', async (_how, more) => {
    const { server, clock } = await serve({ models: [spin(1, more), linear], unloadGraceMs: 5000 });
    const held = rejection(server.predict('spin', forEver));
    await server.reconfigure([spin(2, more), linear]);
    expect(server.status('spin').map(({ id, state }) => `${id.version} ${state}`)).toEqual([
      '2 AVAILABLE',
      '1 DRAINING',
    ]);
    expect(await rejection(server.predict({ model: 'spin', version: 1 }, turns(1)))).toMatchObject({
      code: 'NOT_FOUND',
    });
    clock.advance(5000);
    expect(await held).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      message: 'spin@1 was unloaded before the request was answered: it did not end within 5000 ms',
    });
    await server.waitFor({ model: 'spin', version: 1 }, 'END');
    expect((await server.predict('spin', turns(1))).id.version).toBe(2);
  });
});

describe('ModelServer.close', () => {
  it('gives requests the time that it is told to give them', async () => {
    const { server, clock } = await serve();
    const held = rejection(server.predict('spin', forEver));
    const closing = server.close({ graceMs: 700 });
    clock.advance(699);
    expect(server.status('spin')[0]?.state).toBe('DRAINING');
    clock.advance(1);
    expect(await held).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'The server closed before a request to spin@1 was answered',
    });
    await closing;
    expect(clock.pending).toBe(0);
  });
});
