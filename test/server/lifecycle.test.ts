import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  type ModelOptions,
  ModelServer,
  type ModelServerOptions,
  type ServableStatus,
  tensor,
} from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const linear: ModelOptions = { name: 'linear', basePath: writeModel(folder, 'linear', 1, authored.linear()) };
const spin: ModelOptions = { name: 'spin', basePath: writeModel(folder, 'spin', 1, authored.spin()) };
const broken: ModelOptions = {
  name: 'broken',
  basePath: writeModel(folder, 'broken', 1, Buffer.from('not a model')),
};
const x = { x: tensor('float32', [1], [1]) };
const forEver = { x: tensor('float32', [1, 256], new Float32Array(256)), n: tensor('int64', [], [1e9]) };

const servers: ModelServer[] = [];
/** A server that is closed, whatever the test does, and fails what it has left at once. */
function newServer(options: Partial<ModelServerOptions> = {}): ModelServer {
  const server = new ModelServer({
    models: [linear],
    numBatchThreads: 1,
    pollIntervalMs: 0,
    drainGraceMs: 0,
    ...options,
  });
  servers.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('ModelServer.start', () => {
  it('resolves with the server, and a second call is the first', async () => {
    const server = newServer();
    const [first, second] = [server.start(), server.start()];
    expect(second).toBe(first);
    expect(await first).toBe(server);
  });

  it('serves what can be served and tells what cannot', async () => {
    const missing = { name: 'missing', basePath: `${folder}/nowhere` };
    const server = newServer({ models: [broken, linear, missing] });
    const failures: string[] = [];
    server.on('failure', ({ model, error }) => failures.push(`${model} ${error.code}`));
    await server.start();
    expect(failures.sort()).toEqual(['broken DATA_LOSS', 'missing NOT_FOUND']);
    expect(server.status('broken')).toMatchObject([{ state: 'END', error: { code: 'DATA_LOSS' } }]);
    expect((await server.predict('linear', x)).id.version).toBe(1);
    const error = await rejection(server.predict('missing', x));
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      message: 'Servable not found for request: Latest(missing)',
    });
    expect(error.cause).toMatchObject({ message: expect.stringContaining('Could not find base path') });
  });

  it('is refused after close, and close before start is no trouble', async () => {
    const server = newServer();
    await server.close();
    expect(await rejection(server.start())).toMatchObject({ code: 'FAILED_PRECONDITION' });
  });

  it('tells the states of a version in their order', async () => {
    const server = newServer();
    const seen: ServableStatus[] = [];
    server.on('state', (status) => seen.push(status));
    await server.start();
    await server.close();
    expect(seen.map(({ state }) => state)).toEqual([
      'START',
      'LOADING',
      'AVAILABLE',
      'DRAINING',
      'UNLOADING',
      'END',
    ]);
  });
});

describe('ModelServer.close', () => {
  it('is refused nothing: before start, twice, while it starts', async () => {
    const heavy = writeModel(folder, 'heavy', 1, authored.heavy(10).model);
    const server = newServer({ models: [{ name: 'heavy', basePath: heavy }, linear] });
    const starting = rejection(server.start());
    const closing = server.close();
    expect(server.close()).toBe(closing);
    await closing;
    expect(await starting).toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(server.status().every(({ state }) => state === 'END')).toBe(true);
  });

  it('refuses new requests, and lets those that it has finish', async () => {
    const server = await newServer({ models: [spin], drainGraceMs: Number.POSITIVE_INFINITY }).start();
    const some = { ...forEver, n: tensor('int64', [], [500]) };
    const accepted = [server.predict('spin', some), server.predict('spin', some)];
    const closing = server.close();
    expect(await rejection(server.predict('spin', some))).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    });
    expect((await Promise.all(accepted)).map(({ id }) => id.version)).toEqual([1, 1]);
    await closing;
  });

  it('fails what is left after the grace time, by name', async () => {
    const server = await newServer({ models: [spin], drainGraceMs: 1 }).start();
    const left = [rejection(server.predict('spin', forEver)), rejection(server.predict('spin', forEver))];
    await server.close();
    for (const error of await Promise.all(left)) {
      expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('spin@1') });
    }
  });

  it('is called by `await using`', async () => {
    let held: ModelServer;
    {
      await using server = await newServer().start();
      held = server;
      expect((await held.predict('linear', x)).id.version).toBe(1);
    }
    expect(await rejection(held.predict('linear', x))).toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('two servers in one process', () => {
  it('serve the same model and do not know of each other', async () => {
    const [one, two] = await Promise.all([
      newServer().start(),
      newServer({ models: [linear, spin] }).start(),
    ]);
    await one.close();
    expect((await two.predict('linear', x)).id.version).toBe(1);
    expect(one.status('spin')).toEqual([]);
  });
});

describe('ModelServer.reconfigure', () => {
  it('adds, removes and keeps models, and what stays is not loaded anew', async () => {
    const server = await newServer().start();
    const states: string[] = [];
    server.on('state', ({ id, state }) => states.push(`${id.model} ${state}`));
    await server.reconfigure([linear, spin]);
    expect(server.status().map(({ id, state }) => `${id.model} ${state}`)).toEqual([
      'linear AVAILABLE',
      'spin AVAILABLE',
    ]);
    await server.reconfigure([spin]);
    expect(await rejection(server.predict('linear', x))).toMatchObject({ code: 'NOT_FOUND' });
    expect(states.filter((state) => state === 'spin LOADING')).toHaveLength(1);
    expect(states).not.toContain('linear LOADING');
  });

  it('loads a model anew whose session options changed', async () => {
    const server = await newServer().start();
    await server.reconfigure([{ ...linear, session: { freeDimensions: { batch: 2 } } }]);
    expect(server.signature('linear').inputs.x?.shape).toEqual([2]);
    expect(await rejection(server.predict('linear', x))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      input: 'x',
    });
  });

  it('changes nothing where anything is wrong with the options', async () => {
    const server = await newServer().start();
    const error = await rejection(server.reconfigure([spin, { ...spin, basePath: 'elsewhere' }]));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', option: 'models[1].name' });
    expect((await server.predict('linear', x)).id.version).toBe(1);
  });

  it('names the models that cannot be served, and serves the others', async () => {
    const server = await newServer().start();
    const error = await rejection(server.reconfigure([broken, spin]));
    expect(error).toMatchObject({ code: 'UNKNOWN' });
    expect(error.message).toMatch(
      /^1 model\(s\) did not become available: \{\{name: broken version: 1\} due to error: DATA_LOSS: Cannot load broken@1/,
    );
    expect(server.status('spin')).toMatchObject([{ state: 'AVAILABLE' }]);
  });

  it('does one change after the other, and the last one holds', async () => {
    const server = await newServer().start();
    await Promise.all([
      server.reconfigure([spin]),
      server.reconfigure([]),
      server.reconfigure([linear, spin]),
    ]);
    expect(
      server
        .status()
        .filter(({ state }) => state === 'AVAILABLE')
        .map(({ id }) => id.model)
        .sort(),
    ).toEqual(['linear', 'spin']);
  });

  it('is refused before start and while closing', async () => {
    const server = newServer();
    expect(await rejection(server.reconfigure([]))).toMatchObject({ code: 'UNAVAILABLE' });
    await server.start();
    const closing = server.close();
    expect(await rejection(server.reconfigure([]))).toMatchObject({ code: 'UNAVAILABLE' });
    await closing;
  });
});

describe('ModelServer as a guest', () => {
  const repository = fileURLToPath(new URL('../..', import.meta.url));
  const host = (program: string) =>
    promisify(execFile)(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { ModelServer, tensor } from 'servable';
         const models = [{ name: 'linear', basePath: ${JSON.stringify(linear.basePath)} }];
         const x = { x: tensor('float32', [1], [1]) };
         ${program}`,
      ],
      { cwd: repository },
    );

  it('lets a process end that has nothing left to do but a closed server, and one that never started it', async () => {
    const closed = `const server = await new ModelServer({ models }).start(); await server.predict('linear', x); await server.close();`;
    await host(closed);
    await host('new ModelServer({ models });');
  });

  it('does not keep an idle host alive, and keeps one that awaits something', async () => {
    await host('await new ModelServer({ models }).start();');
    const waits = `const server = await new ModelServer({ models }).start();
      const late = await server.waitFor({ model: 'linear', version: 9 }, 'AVAILABLE', { timeoutMs: 50 }).catch((error) => error.code);
      console.log(late); process.exit(0);`;
    expect((await host(waits)).stdout.trim()).toBe('DEADLINE_EXCEEDED');
  });

  it('hands the error of a listener to the host, and goes on serving', async () => {
    const program = `
      process.on('uncaughtException', (error) => console.log('host:', error.message));
      const server = new ModelServer({ models });
      server.on('state', ({ state }) => { if (state === 'LOADING') throw new Error('oops'); });
      await server.start();
      console.log((await server.predict('linear', x)).id.version);
      await server.close();`;
    expect((await host(program)).stdout.trim().split('\n')).toEqual(['host: oops', '1']);
  });

  it('writes nothing to stderr when models and requests fail', async () => {
    const program = `
      const bad = { name: 'broken', basePath: ${JSON.stringify(broken.basePath)} };
      const server = await new ModelServer({ models: [...models, bad] }).start();
      await server.predict('linear', { x: tensor('int8', [1], [1]) }).catch(() => {});
      await server.close();`;
    expect(await host(program)).toEqual({ stdout: '', stderr: '' });
  });
});
