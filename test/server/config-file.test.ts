import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigReport, ModelServer, type ModelServerOptions, tensor } from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const x = { x: tensor('float32', [1], [1]) };
const basePath = writeModel(folder, 'model', 1, authored.linear(1, 1));
writeModel(folder, 'model', 2, authored.linear(1, 2));

const model = (name: string, more = '') =>
  `config { name: "${name}" base_path: "${basePath}" model_platform: "tensorflow" ${more} }`;
const list = (...models: string[]) => `model_config_list { ${models.join('\n')} }`;

const servers: ModelServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

let count = 0;
/** A server that follows a file, swapped as Kubernetes swaps the files of a ConfigMap. */
function arrange(text: string, options: Partial<ModelServerOptions['configFile']> = {}) {
  const mount = join(folder, `mount-${count++}`);
  mkdirSync(mount);
  const path = join(mount, 'models.config');
  let swaps = 0;
  const swap = (content: string) => {
    const version = `..${swaps++}`;
    mkdirSync(join(mount, version));
    writeFileSync(join(mount, version, 'models.config'), content);
    symlinkSync(version, join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
  };
  swap(text);
  symlinkSync(join('..data', 'models.config'), path);
  const clock = new FakeClock();
  const server = new ModelServer({
    configFile: { path, pollIntervalMs: 5000, ...options },
    pollIntervalMs: 0,
    lookTimeoutMs: Number.POSITIVE_INFINITY,
    clock,
  });
  servers.push(server);
  const look = async () => {
    const report = new Promise<ConfigReport>((resolve) => server.once('config', resolve));
    while (clock.untilNextMs > 5000) await new Promise(setImmediate);
    clock.advance(5000);
    return await report;
  };
  return { server, path, swap, look };
}

describe('a server with a config file', () => {
  it('serves what it names, with its policies and labels', async () => {
    const policy = 'model_version_policy { specific { versions: [1, 2] } }';
    const labels = 'version_labels { key: "stable" value: 1 }';
    const { server } = arrange(list(model('a', `${policy} ${labels}`), model('b')));
    await server.start();
    const versionOf = async (spec: Parameters<typeof server.predict>[0]) =>
      (await server.predict(spec, x)).id.version;
    expect([
      await versionOf('a'),
      await versionOf({ model: 'a', label: 'stable' }),
      await versionOf('b'),
    ]).toEqual([2, 1, 2]);
    expect(server.listModels().map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('follows it, through two swaps of its links', async () => {
    const { server, swap, look } = arrange(list(model('a')));
    await server.start();
    swap(list(model('a'), model('b')));
    expect(await look()).toMatchObject({ models: ['a', 'b'] });
    swap(list(model('b')));
    expect(await look()).toMatchObject({ models: ['b'] });
    expect(await rejection(server.predict('a', x))).toMatchObject({ code: 'NOT_FOUND' });
    expect((await server.predict('b', x)).id.version).toBe(2);
  });

  it('changes nothing where it cannot be parsed, says which line it is, and heals', async () => {
    const { server, swap, look, path } = arrange(list(model('a')));
    await server.start();
    swap('model_config_list {\n  confg { }\n}');
    const report = await look();
    expect(report).toMatchObject({ path, error: { code: 'INVALID_ARGUMENT' } });
    expect('error' in report && report.error.message).toMatch(
      new RegExp(`^Invalid protobuf file: '${path}'.*line 2`),
    );
    expect((await server.predict('a', x)).id.version).toBe(2);
    swap(list(model('c')));
    expect(await look()).toMatchObject({ models: ['c'] });
  });

  it('serves what it can, and names the models that it cannot', async () => {
    const { server, swap, look } = arrange(list(model('a')));
    await server.start();
    const missing = `config { name: "missing" base_path: "${folder}/nowhere" model_platform: "onnx" }`;
    swap(list(model('b'), missing));
    expect(await look()).toMatchObject({
      error: {
        code: 'UNKNOWN',
        message: expect.stringContaining(
          '1 model(s) did not become available: {{name: missing} due to error: NOT_FOUND: Could not',
        ),
      },
    });
    expect((await server.predict('b', x)).id.version).toBe(2);
  });

  it('gives its models what the file cannot say', async () => {
    const { server } = arrange(list(model('a')), { modelDefaults: { batching: { maxBatchSize: 4 } } });
    await server.start();
    expect(server.status('a')[0]?.batching).toEqual({ isOn: true });
  });

  it.each([
    ['is no config', 'model_config_list {', 'INVALID_ARGUMENT'],
    ['names a model twice', list(model('a'), model('a')), 'INVALID_ARGUMENT'],
  ])('does not start where it %s, and starts when that is mended', async (_what, text, code) => {
    const { server, swap } = arrange(text);
    expect(await rejection(server.start())).toMatchObject({ code });
    swap(list(model('a')));
    await server.start();
    expect(server.isReady({ model: 'a' })).toBe(true);
  });

  it('does not start without it', async () => {
    const server = new ModelServer({ configFile: { path: join(folder, 'nowhere') } });
    servers.push(server);
    expect(await rejection(server.start())).toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each<[object, string]>([
    [{ models: [], configFile: { path: 'x' } }, 'configFile'],
    [{ configFile: { path: '' } }, 'configFile.path'],
    [{ configFile: 'models.config' }, 'configFile'],
    [{ configFile: { path: 'x', pollIntervalMs: -1 } }, 'configFile.pollIntervalMs'],
    [{ configFile: { path: 'x', modelDefaults: { session: 7 } } }, 'configFile.modelDefaults.session'],
    [{}, 'models'],
  ])('is refused as %j', (options, option) => {
    expect(() => new ModelServer(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', option }),
    );
  });
});
