import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ModelOptions, ModelServer, tensor } from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const x = { x: tensor('float32', [1], [1]) };
const good: ModelOptions = {
  name: 'good',
  basePath: writeModel(folder, 'good', 1, authored.linear(1, 1)),
  labels: { stable: 1 },
};
const broken: ModelOptions = {
  name: 'broken',
  basePath: writeModel(folder, 'broken', 1, Buffer.from('not a model')),
};
const missing: ModelOptions = { name: 'missing', basePath: join(folder, 'nowhere') };

const servers: ModelServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
function newServer(...models: ModelOptions[]) {
  const server = new ModelServer({ models, pollIntervalMs: 0 });
  servers.push(server);
  return server;
}

describe('ModelServer.listModels', () => {
  it('names what is configured, in its order, with what is wrong', async () => {
    const server = await newServer(good, broken, missing).start();
    expect(server.listModels()).toMatchObject([
      {
        name: 'good',
        basePath: good.basePath,
        versionPolicy: { latest: 1 },
        isReady: true,
        labels: [{ label: 'stable', version: 1, current: 1 }],
        versions: [{ state: 'AVAILABLE' }],
      },
      { name: 'broken', isReady: false, versions: [{ state: 'END', error: { code: 'DATA_LOSS' } }] },
      { name: 'missing', isReady: false, versions: [], warning: { code: 'NOT_FOUND' } },
    ]);
    await server.reconfigure([good]);
    expect(server.listModels().map(({ name }) => name)).toEqual(['good']);
  });
});

describe('ModelServer.isReady', () => {
  it('is about the server, a model, or a version', async () => {
    const server = newServer(good);
    expect(server.isReady()).toBe(false);
    await server.start();
    expect([server.isReady(), server.isReady({ model: 'good' }), server.isReady({ model: 'no' })]).toEqual([
      true,
      true,
      false,
    ]);
    expect([1, 2].map((version) => server.isReady({ model: 'good', version }))).toEqual([true, false]);
    const closing = server.close();
    expect([server.isReady(), server.isReady({ model: 'good' })]).toEqual([false, false]);
    await closing;
  });

  it('is false for a server one of whose models cannot answer, and true for the others', async () => {
    const server = await newServer(good, missing).start();
    expect([server.isReady(), server.isReady({ model: 'good' })]).toEqual([false, true]);
  });
});

describe('ModelServer.explain', () => {
  it('says in one call why a version is not serving', async () => {
    const server = await newServer(good, broken, missing).start();
    const why = (model: string, version: number) => server.explain({ model, version }).reason;
    expect(why('good', 1)).toBe('good@1 is serving');
    expect(why('good', 7)).toBe(`good@7 is not served: there is no such version in ${good.basePath}, but 1`);
    expect(why('missing', 7)).toBe(
      `missing@7 is not served: Could not find base path ${missing.basePath} for servable missing`,
    );
    expect(why('no', 7)).toBe('no@7 is not served: no model no is configured');
    expect(server.explain({ model: 'broken', version: 1 })).toMatchObject({
      isServing: false,
      reason: expect.stringMatching(
        /^broken@1 could not be loaded, and is tried again when its files change: Cannot/,
      ),
      error: { code: 'DATA_LOSS' },
      history: [{ state: 'START' }, { state: 'LOADING' }, { state: 'END', error: { code: 'DATA_LOSS' } }],
    });
  });
});

describe('a change of models', () => {
  it('replaces a model that is to be made in another way without a gap', async () => {
    const server = await newServer(good).start();
    const { servable } = { servable: server.signature('good') };
    expect(servable.inputs.x?.shape).toEqual(['batch']);
    let isDone = false;
    const changed = server
      .reconfigure([{ ...good, session: { freeDimensions: { batch: 1 } } }])
      .finally(() => {
        isDone = true;
      });
    let answers = 0;
    while (!isDone) {
      expect((await server.predict('good', x)).outputs.y?.data[0]).toBe(2);
      answers++;
    }
    await changed;
    expect(answers).toBeGreaterThan(0);
    expect(server.signature('good').inputs.x?.shape).toEqual([1]);
  });

  it('keeps the model as it was where it cannot be made in the new way, and says so', async () => {
    const server = await newServer(good).start();
    const options = { ...good, device: { providers: ['no-such-provider'] } };
    const error = await rejection(server.reconfigure([options]));
    expect(error).toMatchObject({ code: 'UNKNOWN' });
    expect(error.message).toMatch(
      /^1 model\(s\) did not become available: \{\{name: good version: 1\} .*no-such-provider/,
    );
    expect((await server.predict('good', x)).outputs.y?.data[0]).toBe(2);
    expect(server.status('good')).toMatchObject([{ state: 'AVAILABLE', warning: {} }]);
  });

  it('names a model whose new base path is missing, and goes on serving it from the old one', async () => {
    const server = await newServer(good).start();
    const error = await rejection(server.reconfigure([{ ...good, basePath: join(folder, 'nowhere') }]));
    expect(error.message).toContain('{name: good} due to error: NOT_FOUND: Could not find base path');
    expect((await server.predict('good', x)).outputs.y?.data[0]).toBe(2);
  });

  it('is not hindered by an old base path that is gone for a while', async () => {
    const basePath = writeModel(folder, 'gone', 1, authored.linear(1, 1));
    const server = await newServer({ name: 'gone', basePath }).start();
    rmSync(basePath, { recursive: true });
    await server.reconfigure([{ name: 'gone', basePath }, good]);
    expect(server.isReady()).toBe(true);
  });
});

describe('ModelServer.close', () => {
  it.each([-1, Number.NaN, '1'])('refuses %s as a time to drain', async (graceMs) => {
    const server = await newServer(good).start();
    expect(() => server.close({ graceMs: graceMs as number })).toThrow(/graceMs/);
    expect(server.isReady()).toBe(true);
  });
});
