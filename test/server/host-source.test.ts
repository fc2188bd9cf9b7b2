import { join } from 'node:path';
import { type ModelOptions, ModelServer, type ModelServerOptions, ServingError, tensor } from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { ToldSource } from '../support/told-source.js';

const folder = temporaryFolder();
const basePath = join(folder, 'linear');
/** Version v of `linear` adds v; `moved` adds 100. */
for (const version of [1, 2, 3]) writeModel(folder, 'linear', version, authored.linear(1, version));
writeModel(folder, 'moved', 1, authored.linear(1, 100));
const row = (version: number) => ({ version, path: join(basePath, String(version)) });
const x = { x: tensor('float32', [1], [0]) };

const servers: ModelServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
function newServer(models: readonly ModelOptions[], options: Partial<ModelServerOptions> = {}) {
  const server = new ModelServer({ models, pollIntervalMs: 0, ...options });
  servers.push(server);
  return server;
}
/** The version that answers, and what it adds. */
async function ask(server: ModelServer, model = 'linear') {
  const { id, outputs } = await server.predict(model, x);
  return [id.version, outputs.y?.data[0]];
}
const linear = (source: ToldSource): ModelOptions => ({ name: 'linear', source });

describe('a model with a source of the host’s', () => {
  it('is served in the versions that its source says, from where they lie', async () => {
    const source = new ToldSource((listener) => listener.aspire('linear', [row(1), row(2)]));
    const server = await newServer([{ ...linear(source), labels: { stable: 1 } }]).start();
    expect(await ask(server)).toEqual([2, 2]);
    expect((await server.predict({ model: 'linear', label: 'stable' }, x)).id.version).toBe(1);
    expect(server.isReady()).toBe(true);

    source.say('linear', [{ version: 1, path: join(folder, 'moved', '1') }]);
    await server.waitFor({ model: 'linear', version: 2 }, 'END');
    await expect.poll(() => ask(server)).toEqual([1, 100]);
    await server.close();
    expect([source.starts, source.closes]).toEqual([1, 1]);
  });

  it('has no base path, in what is told of it', async () => {
    const source = new ToldSource((listener) => listener.aspire('linear', [row(2)]));
    const server = await newServer([linear(source)]).start();
    expect(server.listModels()).toMatchObject([{ name: 'linear', versionPolicy: 'all', isReady: true }]);
    expect(server.listModels()[0]).not.toHaveProperty('basePath');
    expect(server.snapshot()).toMatchObject({ isReady: true, models: [{ versionPolicy: 'all' }] });
    expect(server.explain({ model: 'linear', version: 1 }).reason).toBe(
      'linear@1 is not served: its source wants 2',
    );
  });

  it('goes on being served while its source fails, and the failure is told', async () => {
    const source = new ToldSource((listener) => listener.aspire('linear', [row(1)]));
    const server = await newServer([linear(source)]).start();
    const failures: string[] = [];
    server.on('failure', ({ error }) => failures.push(error.message));
    source.listener?.fail('linear', new ServingError('UNAVAILABLE', 'The database is gone'));
    expect(await ask(server)).toEqual([1, 1]);
    expect(failures).toEqual(['The database is gone']);
    expect(server.listModels()[0]?.warning?.message).toBe('The database is gone');
  });

  it('is not waited for longer than a look may take, and keeps no other model waiting', async () => {
    const clock = new FakeClock();
    const never = new ToldSource(() => new Promise(() => {}));
    const server = newServer([linear(never), { name: 'moved', basePath: join(folder, 'moved') }], {
      clock,
      lookTimeoutMs: 5000,
    });
    const started = server.start();
    await server.waitFor({ model: 'moved' }, 'AVAILABLE');
    clock.advance(5000);
    await started;
    expect(server.isReady({ model: 'linear' })).toBe(false);
    expect(server.explain({ model: 'linear', version: 1 }).reason).toBe(
      'linear@1 is not served: A source has not said all within 5000 ms',
    );
    never.say('linear', [row(1)]); // late, and still heard
    await server.waitFor({ model: 'linear' }, 'AVAILABLE');
    expect(await ask(server)).toEqual([1, 1]);
  });

  it('is not waited for, and leaves no timer, when the server closes meanwhile', async () => {
    const clock = new FakeClock();
    const never = new ToldSource(() => new Promise(() => {}));
    const server = newServer([linear(never)], { clock });
    const started = rejection(server.start());
    await expect.poll(() => never.starts).toBe(1);
    await server.close();
    expect((await started).code).toBe('FAILED_PRECONDITION');
    expect([never.closes, clock.pending]).toEqual([1, 0]);
  });

  it.each<[string, ToldSource, string, string]>([
    [
      'that cannot be started',
      new ToldSource(() => Promise.reject(new Error('no route to host'))),
      'UNAVAILABLE',
      'A source cannot be started: no route to host',
    ],
    ['that says nothing', new ToldSource(), 'NOT_FOUND', 'The source of linear has said nothing of it'],
    [
      'that says no version',
      new ToldSource((listener) => listener.aspire('linear', [{ version: '7', path: 'a' } as never])),
      'INVALID_ARGUMENT',
      'Cannot serve what the source of linear says: got {"version":"7","path":"a"}, expected a version that is an integer of at least 0',
    ],
    [
      'that says no path',
      new ToldSource((listener) => listener.aspire('linear', [{ version: 7 } as never])),
      'INVALID_ARGUMENT',
      'Cannot serve what the source of linear says: got {"version":7}, expected a path that is a string and not empty',
    ],
    [
      'that says a version twice',
      new ToldSource((listener) => listener.aspire('linear', [row(1), { version: 1, path: 'b' }])),
      'INVALID_ARGUMENT',
      'Cannot serve what the source of linear says: got {"version":1,"path":"b"}, expected each version once',
    ],
    [
      'that says no list',
      new ToldSource((listener) => listener.aspire('linear', undefined as never)),
      'INVALID_ARGUMENT',
      'Cannot serve what the source of linear says: got undefined, expected an array of { version, path }',
    ],
  ])('is not served by a source %s, and says why', async (_what, source, code, message) => {
    const server = await newServer([linear(source)]).start();
    expect(server.listModels()[0]?.warning).toMatchObject({ code, message });
    expect(await rejection(server.predict('linear', x))).toMatchObject({
      code: 'NOT_FOUND',
      cause: { message },
    });
  });

  it('is served anew, without a gap, when its batching changes, though its source says nothing', async () => {
    const source = new ToldSource((listener) => listener.aspire('linear', [row(1)]));
    const server = await newServer([linear(source)]).start();
    expect(server.status('linear')[0]?.batching).toBeUndefined();
    await server.reconfigure([{ ...linear(source), batching: { maxBatchSize: 4 } }]);
    expect(server.status('linear')[0]?.batching).toEqual({ isOn: true });
    expect(source.starts).toBe(1);
  });

  it('is loaded anew when its source says another revision or build of the same path', async () => {
    const source = new ToldSource((listener) => listener.aspire('linear', [{ ...row(1), revision: 'a' }]));
    const loads: number[] = [];
    const server = await newServer([linear(source)], {
      lifecycleObserver: { onLoad: ({ id }) => void loads.push(id.version) },
    }).start();
    source.say('linear', [{ ...row(1), revision: 'a' }]);
    source.say('linear', [{ ...row(1), revision: 'b' }]);
    await expect.poll(() => loads).toEqual([1, 1]);
    source.say('linear', [{ ...row(1), revision: 'b', build: 'other' }]);
    await expect.poll(() => loads).toEqual([1, 1, 1]);
    await server.close();
  });
});

describe('a change of models', () => {
  it('shares a source among models, and remembers what it said of those that come later', async () => {
    const source = new ToldSource((listener) => {
      listener.aspire('linear', [row(1)]);
      listener.aspire('second', [row(3)]);
    });
    const server = await newServer([linear(source)]).start();
    expect(server.status('second')).toEqual([]);
    await server.reconfigure([linear(source), { name: 'second', source }]);
    expect([await ask(server), await ask(server, 'second')]).toEqual([
      [1, 1],
      [3, 3],
    ]);
    await server.reconfigure([{ name: 'second', source }]);
    expect(source.closes).toBe(0);
    await server.reconfigure([]);
    expect([source.starts, source.closes]).toEqual([1, 1]);
    source.say('second', [row(2)]); // what is closed is not heard
    expect(server.listModels()).toEqual([]);
  });

  it('moves a model from its base path to a source and back, and no request fails meanwhile', async () => {
    const server = await newServer([{ name: 'linear', basePath }]).start();
    let isOver = false;
    const answered = new Set<number>();
    const client = (async () => {
      while (!isOver) answered.add((await server.predict('linear', x)).id.version);
    })();
    const source = new ToldSource((listener) => listener.aspire('linear', [row(1)]));
    await server.reconfigure([linear(source)]);
    expect(await ask(server)).toEqual([1, 1]);
    await server.reconfigure([{ name: 'linear', basePath }]);
    expect(await ask(server)).toEqual([3, 3]);
    expect(source.closes).toBe(1);
    isOver = true;
    await client;
    expect([...answered].sort()).toEqual([1, 3]);
  });

  it('says why a new model is not served whose source fails', async () => {
    const server = await newServer([]).start();
    const failing = new ToldSource(() => Promise.reject(new Error('no table')));
    expect(await rejection(server.reconfigure([linear(failing)]))).toMatchObject({
      code: 'UNKNOWN',
      cause: { message: 'A source cannot be started: no table' },
    });
  });

  it('takes the word of a source that wants no version', async () => {
    const server = await newServer([]).start();
    await server.reconfigure([linear(new ToldSource((listener) => listener.aspire('linear', [])))]);
    expect(server.isReady({ model: 'linear' })).toBe(false);
  });

  it('by a config file takes a model away from its source', async () => {
    const source = new ToldSource((listener) => listener.aspire('linear', [row(1)]));
    const server = await newServer([linear(source)]).start();
    await server.reloadConfig({
      models: [{ name: 'linear', basePath, platform: 'onnx', versionPolicy: { latest: 1 }, labels: {} }],
    });
    expect(await ask(server)).toEqual([3, 3]);
    expect(source.closes).toBe(1);
  });
});
