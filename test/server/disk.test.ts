import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ModelOptions,
  ModelServer,
  type ModelServerOptions,
  ServingError,
  type SessionOptions,
  tensor,
} from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import * as authored from '../support/onnx/authored-models.js';
import { model, node, value } from '../support/onnx/model.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { constant } from '../support/onnx/tensor-proto.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const good = { name: 'good', basePath: writeModel(folder, 'good', 1, authored.linear(1, 1)) };
const x = { x: tensor('float32', [1], [1]) };

const servers: ModelServer[] = [];
async function start(options: Partial<ModelServerOptions>): Promise<ModelServer> {
  const server = new ModelServer({ models: [good], numBatchThreads: 1, pollIntervalMs: 0, ...options });
  servers.push(server);
  return server.start();
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** The error of a version that cannot be loaded, beside a good model that must go on serving. */
async function loadError(
  basePath: string,
  options: Omit<ModelOptions, 'name' | 'basePath'> = {},
): Promise<ServingError> {
  const server = await start({ models: [{ name: 'bad', basePath, ...options }, good] });
  expect((await server.predict('good', x)).outputs.y?.data).toEqual(Float32Array.of(2));
  const [status] = server.status('bad');
  expect(status).toMatchObject({ state: 'END', error: expect.any(ServingError) });
  return status?.error as ServingError;
}

describe('a model file that is none', () => {
  const whole = authored.linear();
  it.each<[string, Uint8Array | string, string, RegExp]>([
    ['an empty file', '', 'FAILED_PRECONDITION', /\(the file is empty\)$/],
    ['half a file', whole.subarray(0, whole.length / 2), 'DATA_LOSS', /Protobuf parsing failed/],
    ['garbage', Buffer.alloc(64, 0xa5), 'DATA_LOSS', /Protobuf parsing failed/],
    [
      'a web page',
      '<!DOCTYPE html><title>404</title>',
      'DATA_LOSS',
      /\(the file is a web page, not a model\)$/,
    ],
    [
      'a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:0\n',
      'DATA_LOSS',
      /git lfs pull\)$/,
    ],
  ])('%s ends its version with the reason', async (name, bytes, code, message) => {
    const error = await loadError(writeModel(folder, name.replaceAll(' ', '-'), 1, Buffer.from(bytes)));
    expect(error).toMatchObject({
      code,
      message: expect.stringMatching(message),
      id: { model: 'bad', version: 1 },
    });
  });

  it('a version directory without one, or with a directory in its place', async () => {
    mkdirSync(join(folder, 'none', '1'), { recursive: true });
    expect(await loadError(join(folder, 'none'))).toMatchObject({
      code: 'NOT_FOUND',
      message: `Cannot load bad@1: no model.onnx in ${join(folder, 'none', '1')}`,
    });
    mkdirSync(join(folder, 'directory', '1', 'model.onnx'), { recursive: true });
    expect(await loadError(join(folder, 'directory'))).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('external data', () => {
  const { model: heavy, data } = authored.heavy(1, { isExternal: true });
  const weights = data as Uint8Array;
  const write = (name: string, file?: Uint8Array) =>
    writeModel(folder, name, 1, heavy, file === undefined ? {} : { [authored.heavyDataFile]: file });

  it('is read from beside the model', async () => {
    const server = await start({ models: [{ name: 'heavy', basePath: write('whole', weights) }] });
    const rows = { x: tensor('float32', [1, 256], new Float32Array(256)) };
    expect((await server.predict('heavy', rows)).outputs.y?.data).toEqual(Float32Array.of(0));
  });

  it('that is missing, or short, ends the version with the reason', async () => {
    expect((await loadError(write('missing'))).message).toMatch(/External data path does not exist/);
    expect((await loadError(write('short', weights.subarray(0, 1000)))).message).toMatch(/file_length/);
  });

  it('at an absolute path is refused', async () => {
    const absolute = model({
      inputs: [value('x', 'float32', ['batch'])],
      outputs: [value('y', 'float32', ['batch'])],
      nodes: [node('Add', ['x', 'bias'], ['y'])],
      initializers: [
        constant('bias', 'float32', [1], Float32Array.of(1), {
          external: { location: '/etc/hostname', offset: 0, length: 4 },
        }),
      ],
    });
    expect((await loadError(writeModel(folder, 'absolute', 1, absolute))).message).toMatch(
      /Absolute path not allowed/,
    );
  });

  it('outside of the version directory is refused', async () => {
    writeFileSync(join(folder, authored.heavyDataFile), weights);
    const escaping = write('escaping');
    symlinkSync(join(folder, authored.heavyDataFile), join(escaping, '1', authored.heavyDataFile));
    expect((await loadError(escaping)).message).toMatch(/escapes/);
  });
});

describe('signatures and options of a model', () => {
  it.each<[string, string, RegExp]>([
    ['no JSON', '{', /signatures\.json/],
    ['an input that the graph does not have', '{"s":{"inputs":{"a":"nope"}}}', /nope/],
  ])('signatures.json with %s ends the version', async (name, text, message) => {
    const basePath = writeModel(folder, `signed-${name.length}`, 1, authored.linear(), {
      'signatures.json': text,
    });
    expect(await loadError(basePath)).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringMatching(message),
    });
  });

  it('an execution provider that is not there ends the version, by its name', async () => {
    const error = await loadError(good.basePath, { device: { providers: ['nonesuch'] } });
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', actual: 'nonesuch' });
    expect(error.message).toContain('Cannot use execution provider "nonesuch"');
  });

  it.each<[string, SessionOptions]>([
    [
      'threads',
      { intraOpNumThreads: 2, interOpNumThreads: 2, executionMode: 'parallel', allowSpinning: true },
    ],
    ['no optimisation', { graphOptimization: 'disabled' }],
    ['no memory kept', { memoryPattern: false, cpuArena: false }],
    ['entries', { configEntries: { 'session.set_denormal_as_zero': '1' }, logSeverity: 3 }],
    ['run entries', { runConfigEntries: { 'memory.enable_memory_arena_shrinkage': 'cpu:0' } }],
  ])('the answers are the same with %s', async (_, session) => {
    const server = await start({ models: [{ ...good, session }] });
    for (let i = 0; i < 5; i++)
      expect((await server.predict('good', x)).outputs.y?.data).toEqual(Float32Array.of(2));
  });

  it('the answers are the same with the provider that is always there', async () => {
    const device = { providers: ['cpu', { name: 'cpu', options: {} }] };
    const server = await start({ models: [{ ...good, device }] });
    expect((await server.predict('good', x)).outputs.y?.data).toEqual(Float32Array.of(2));
    expect(server.status('good')).toMatchObject([{ device: { devices: ['cpu+cpu'] } }]);
  });

  it('a run entry that onnxruntime refuses fails the request, not the server', async () => {
    const server = await start({
      models: [
        { ...good, session: { runConfigEntries: { 'memory.enable_memory_arena_shrinkage': 'nonsense' } } },
      ],
    });
    expect((await rejection(server.predict('good', x))).message).toMatch(/^Cannot run good@1: /);
    expect(server.status('good')).toMatchObject([{ state: 'AVAILABLE' }]);
  });
});

describe('a base path that changes while it is served', () => {
  const pollIntervalMs = 1000;
  /** A server on a base path of its own with version 1, and what makes it look again. */
  async function watch(name: string) {
    const basePath = writeModel(folder, name, 1, authored.linear(1, 1));
    const clock = new FakeClock();
    const lookTimeoutMs = Number.POSITIVE_INFINITY; // the clock does not wait for the disk
    const server = await start({ models: [{ name, basePath }, good], pollIntervalMs, lookTimeoutMs, clock });
    const failures: string[] = [];
    server.on('failure', ({ error }) => failures.push(error.message));
    const answer = async () => (await server.predict(name, x)).outputs.y?.data[0];
    /** A version is put in place as a whole: what is copied there bit by bit may be seen half. */
    const deploy = (version: number, bytes: Uint8Array) => {
      writeModel(folder, `${name}-incoming`, version, bytes);
      renameSync(join(folder, `${name}-incoming`, String(version)), join(basePath, String(version)));
    };
    const look = async () => {
      // The next look is scheduled when the last one is over.
      while (clock.pending === 0) await new Promise(setImmediate);
      clock.advance(pollIntervalMs);
    };
    return { server, basePath, failures, answer, deploy, look, name };
  }

  it('serves a version that appears, and goes back to the lower one when it vanishes', async () => {
    const { server, basePath, answer, deploy, look, name } = await watch('rolling');
    deploy(2, authored.linear(1, 2));
    await look();
    await server.waitFor({ model: name, version: 1 }, 'END');
    expect(await answer()).toBe(3);
    rmSync(join(basePath, '2'), { recursive: true });
    await look();
    await server.waitFor({ model: name, version: 2 }, 'END');
    expect(await answer()).toBe(2);
  });

  it('keeps the old version when the new one cannot be loaded', async () => {
    const { server, answer, deploy, look, name } = await watch('failing');
    deploy(2, Buffer.from('not a model'));
    await look();
    expect(await rejection(server.waitFor({ model: name, version: 2 }, 'AVAILABLE'))).toMatchObject({
      code: 'DATA_LOSS',
    });
    expect(await answer()).toBe(2);
    deploy(3, authored.linear(1, 3));
    await look();
    await server.waitFor({ model: name, version: 3 }, 'AVAILABLE');
    expect(await answer()).toBe(4);
  });

  it('keeps what it serves when the base path vanishes, is empty, or is a file, and heals', async () => {
    const { server, basePath, failures, answer, look, name } = await watch('vanishing');
    const aside = `${basePath}-aside`;
    const failure = () => new Promise((resolve) => server.once('failure', resolve));
    renameSync(basePath, aside);
    let told = failure();
    await look();
    await told;
    mkdirSync(basePath);
    told = failure();
    await look();
    await told;
    rmSync(basePath, { recursive: true });
    writeFileSync(basePath, '');
    told = failure();
    await look();
    await told;
    expect(failures).toEqual([
      expect.stringContaining('Could not find base path'),
      expect.stringContaining('No versions of servable'),
      expect.stringContaining('is not a directory'),
    ]);
    expect(await answer()).toBe(2);
    rmSync(basePath);
    renameSync(aside, basePath);
    writeModel(folder, name, 2, authored.linear(1, 5));
    await look();
    await server.waitFor({ model: name, version: 2 }, 'AVAILABLE');
    expect(await answer()).toBe(6);
  });

  it('serves on when the files of a served version are replaced by bad ones, says so, and serves good ones', async () => {
    const { server, basePath, answer, look, name } = await watch('replaced');
    const file = join(basePath, '1', 'model.onnx');
    const warned = (part: string) =>
      new Promise<void>((resolve) =>
        server.on('state', ({ warning }) => {
          if (warning?.message.includes(part)) resolve();
        }),
      );
    const notReplaced = warned('what is to take its place cannot be loaded');
    writeFileSync(file, 'not a model');
    await look();
    await warned('its files have changed since');
    await look(); // a second time: nobody writes any more
    await notReplaced;
    expect(await answer()).toBe(2);
    expect(server.status(name)).toMatchObject([{ state: 'AVAILABLE', warning: { code: 'DATA_LOSS' } }]);
    expect(server.explain({ model: name, version: 1 }).reason).toMatch(/^replaced@1 is serving, but: /);

    const replaced = new Promise<void>((resolve) =>
      server.on('state', ({ state, warning }) => {
        if (state === 'AVAILABLE' && warning === undefined) resolve();
      }),
    );
    writeFileSync(file, authored.linear(1, 7));
    await look();
    await look();
    await replaced;
    expect(await answer()).toBe(8);
    expect(server.status(name)[0]).not.toHaveProperty('warning');
  });

  it.each([-1e9, 1e9])('does not mind a clock on the wall that jumps by %d s', async (seconds) => {
    const { server, answer, deploy, look, name } = await watch(`jumping${seconds}`);
    const { now } = Date;
    Date.now = () => now() + seconds * 1000;
    try {
      deploy(2, authored.linear(1, 2));
      await look();
      await server.waitFor({ model: name, version: 1 }, 'END');
    } finally {
      Date.now = now;
    }
    expect(await answer()).toBe(3);
    expect(server.status(name).map(({ id, state }) => `${id.version} ${state}`)).toEqual([
      '2 AVAILABLE',
      '1 END',
    ]);
  });

  it('loads a version that is copied bit by bit as soon as it is whole', async () => {
    const { server, basePath, answer, look, name } = await watch('slowly');
    const bytes = authored.linear(1, 2);
    mkdirSync(join(basePath, '2'));
    await look();
    await server.waitFor({ model: name, version: 2 }, 'END').catch(() => {});
    writeFileSync(join(basePath, '2', 'model.onnx'), bytes.subarray(0, bytes.length / 2));
    const failed = new Promise((resolve) => server.once('failure', resolve));
    await look();
    await failed;
    expect(await answer()).toBe(2);
    writeFileSync(join(basePath, '2', 'model.onnx'), bytes);
    await look();
    await server.waitFor({ model: name, version: 1 }, 'END');
    expect(await answer()).toBe(3);
  });

  it('answers from memory when the file of a served version is cut short or removed', async () => {
    const { basePath, answer } = await watch('cut');
    truncateSync(join(basePath, '1', 'model.onnx'), 10);
    expect(await answer()).toBe(2);
    rmSync(join(basePath, '1', 'model.onnx'));
    expect(await answer()).toBe(2);
  });
});
