import { execFileSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { Storage as GcsSdk } from '@google-cloud/storage';
import { ModelServer, tensor } from 'servable';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Storage, StorageEntry } from '#dist/core/storage.js';
import { GcsStorage } from '#dist/storage/gcs-storage.js';
import { RoutedStorage } from '#dist/storage/routed-storage.js';
import { S3Storage } from '#dist/storage/s3-storage.js';
import { StagingLoader } from '#dist/storage/staging-loader.js';
import { GcsServer, S3Server } from '../support/bucket-server.js';
import { FakeClock } from '../support/fake-clock.js';
import { MemoryStorage } from '../support/memory-storage.js';
import { temporaryFolder } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const s3 = new S3Server();
const gcs = new GcsServer();
const s3Config = () => ({
  endpoint: s3.url,
  region: 'us-east-1',
  forcePathStyle: true,
  maxAttempts: 1,
  credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
});
const gcsConfig = () => ({
  apiEndpoint: gcs.url,
  projectId: 'test',
  useAuthWithCustomEndpoint: false,
  retryOptions: { autoRetry: false, maxRetries: 0 },
});
beforeAll(async () => {
  await Promise.all([s3.listen(), gcs.listen()]);
});
afterAll(() => Promise.all([s3.close(), gcs.close()]));
afterEach(() => Promise.all([s3.reset(), gcs.reset()]));

async function textOf(storage: Storage, path: string, signal?: AbortSignal): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of await storage.open(path, signal)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
function countedAbort() {
  const controller = new AbortController();
  const listeners = () => getEventListeners(controller.signal, 'abort').length;
  return { signal: controller.signal, listeners, abort: () => controller.abort() };
}
const sorted = (entries: readonly StorageEntry[]) => [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));

describe.each([
  ['S3', 's3', s3, () => new S3Storage({ config: s3Config() })],
  ['S3 with a client of the host’s', 's3', s3, () => new S3Storage({ client: new S3Client(s3Config()) })],
  ['GCS', 'gs', gcs, () => new GcsStorage({ config: gcsConfig() })],
  [
    'GCS with a client of the host’s',
    'gs',
    gcs,
    () => new GcsStorage({ client: new GcsSdk(gcsConfig()) as never }),
  ],
] as const)('%s', (_name, scheme, server, make) => {
  const at = (key: string) => `${scheme}://bucket/${key}`;

  it('lists what lies in a folder, page by page, folders and files apart', async () => {
    for (const key of ['1/model.onnx', '2/model.onnx', '3/a/b/c', 'notes.txt', 'odd name & <b>']) {
      server.put(`digits/${key}`, key);
    }
    server.put('digits/', ''); // a marker, as consoles make them
    server.put('digits-old/1/model.onnx', 'none of ours');
    expect(sorted(await make().list(at('digits')))).toEqual([
      { name: '1', isDirectory: true },
      { name: '2', isDirectory: true },
      { name: '3', isDirectory: true },
      { name: 'notes.txt', isDirectory: false, bytes: 9, revision: expect.any(String) },
      { name: 'odd name & <b>', isDirectory: false, bytes: 14, revision: expect.any(String) },
    ]);
    expect(server.requests.length).toBeGreaterThan(2);
  });

  it('lists the bucket itself, and does not mind a slash at the end', async () => {
    server.put('digits/1/model.onnx', '');
    expect(await make().list(at(''))).toMatchObject([{ name: 'digits' }]);
    expect(await make().list(at('digits/'))).toMatchObject([{ name: '1' }]);
  });

  it('says another revision when the content is another', async () => {
    server.put('digits/1/model.onnx', 'one');
    const storage = make();
    const revision = async () => (await storage.list(at('digits/1')))[0]?.revision;
    const first = await revision();
    expect(await revision()).toBe(first);
    server.put('digits/1/model.onnx', 'two');
    expect(await revision()).not.toBe(first);
  });

  it('leaves out names that would lead elsewhere', async () => {
    for (const name of ['..', '.', '/', '../x', 'good']) server.put(`digits/${name}`, '');
    expect(sorted(await make().list(at('digits'))).map(({ name }) => name)).toEqual(['good']);
  });

  it('reads an object', async () => {
    server.put('digits/1/model.onnx', 'x'.repeat(300_000));
    expect(await textOf(make(), at('digits/1/model.onnx'))).toBe('x'.repeat(300_000));
  });

  it.each([
    ['denied', 'PERMISSION_DENIED'],
    ['missing', 'NOT_FOUND'],
    ['broken', 'UNAVAILABLE'],
  ] as const)('that is %s rejects with %s', async (fault, code) => {
    server.put('digits/1/model.onnx', 'x');
    server.faults.push(fault);
    const error = await rejection(make().list(at('digits')));
    expect(error).toMatchObject({ code, message: expect.stringContaining(`Cannot list ${at('digits')}: `) });
    server.faults.push(fault);
    expect(await rejection(textOf(make(), at('digits/1/model.onnx')))).toMatchObject({ code });
  });

  it('rejects with NOT_FOUND where nothing lies', async () => {
    expect(await rejection(make().list(at('nowhere')))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await rejection(textOf(make(), at('nowhere')))).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('stops reading when it is aborted', async () => {
    server.put('digits/1/model.onnx', 'x'.repeat(300_000));
    server.faults.push('stalled');
    const abort = new AbortController();
    const reading = rejection(textOf(make(), at('digits/1/model.onnx'), abort.signal));
    while (server.requests.length === 0) await new Promise(setImmediate);
    abort.abort();
    expect(await reading).toMatchObject({ code: 'CANCELLED' });
  });

  it('takes its scheme in capitals, and any number of slashes', async () => {
    server.put('digits/1/model.onnx', '');
    const place = `${scheme.toUpperCase()}://bucket//digits//`;
    expect(await make().list(place)).toMatchObject([{ name: '1' }]);
  });

  it('stops listing when it is aborted while no answer comes', async () => {
    const { signal, listeners, abort } = countedAbort();
    server.faults.push('silent');
    const listing = rejection(make().list(at('digits'), signal));
    while (server.requests.length === 0) await new Promise(setImmediate);
    abort();
    expect(await listing).toMatchObject({ code: 'CANCELLED' });
    expect(listeners()).toBe(0);
  });

  it.each(['no-uri', `${scheme}://`, `${scheme}:///key`])('refuses %s', async (path) => {
    expect(await rejection(make().list(path))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('S3', () => {
  // Of GCS this is not asked: its client goes silent then. Who copies waits a minute for it; see StagingLoader.
  it('rejects with UNAVAILABLE where the bytes break off', async () => {
    s3.put('digits/1/model.onnx', 'x'.repeat(300_000));
    s3.faults.push('truncated');
    const storage = new S3Storage({ config: s3Config() });
    expect(await rejection(textOf(storage, 's3://bucket/digits/1/model.onnx'))).toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});

describe('a package that is not installed', () => {
  const load = () =>
    Promise.reject(Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' }));
  it.each([
    ['@aws-sdk/client-s3', 's3', new S3Storage({ load })],
    ['@google-cloud/storage', 'gs', new GcsStorage({ load })],
  ])('%s is named, with the command that installs it', async (name, scheme, storage) => {
    expect(await rejection(storage.list(`${scheme}://bucket/x`))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: `Cannot read ${scheme}://: the package ${name} is not installed; npm install ${name}`,
    });
  });

  it('is not loaded by who serves from the disk', () => {
    const program = `import 'servable'; import { createRequire } from 'node:module';
      const cache = Object.keys(createRequire(import.meta.url).cache);
      console.log(cache.filter((file) => /aws-sdk|smithy|google-cloud/.test(file)).length, cache.length > 0);`;
    const cwd = join(import.meta.dirname, '../..');
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
      cwd,
    }).toString();
    expect(output.trim()).toBe('0 true');
  });
});

describe('RoutedStorage', () => {
  it('takes each path to where its scheme says', async () => {
    const [local, other] = [new MemoryStorage(), new MemoryStorage()];
    local.put('/models/1', 'local');
    other.put('mem://bucket/1', 'other');
    const storage = new RoutedStorage({ local, schemes: { mem: other } });
    const namesIn = async (path: string) => (await storage.list(path)).map(({ name }) => name);
    expect(await namesIn('/models')).toEqual(['1']);
    expect(await namesIn('file:///models')).toEqual(['1']);
    expect(await namesIn('file:/models')).toEqual(['1']);
    expect(await namesIn('mem://bucket')).toEqual(['1']);
    expect(await textOf(storage, 'mem://bucket/1')).toBe('other');
  });

  it.each(['file://elsewhere/models', 'file:///a%2Fb'])('refuses %s, which is no path here', async (path) => {
    const wanted = { code: 'INVALID_ARGUMENT', message: expect.stringContaining(path) };
    expect(await rejection(new RoutedStorage().list(path))).toMatchObject(wanted);
    const loader = new StagingLoader({
      loader: { load: () => Promise.reject(new Error('not asked')) },
      storage: new RoutedStorage(),
    });
    expect(await rejection(loader.load({ model: 'digits', version: 1 }, path))).toMatchObject(wanted);
  });

  it('refuses a scheme that it does not know', async () => {
    expect(await rejection(new RoutedStorage().list('hdfs://models'))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Cannot read hdfs://models: no storage is known for hdfs://, expected one of file, s3, gs',
    });
  });
});

describe('a server whose models lie in a bucket', () => {
  it('serves them, follows them, and goes on serving while the bucket cannot be reached', async () => {
    const examples = join(import.meta.dirname, '../../examples/models/digits');
    const put = (version: number) =>
      s3.put(
        `models/digits/${version}/model.onnx`,
        readFileSync(join(examples, String(version), 'model.onnx')),
      );
    put(1);
    const clock = new FakeClock();
    const server = await new ModelServer({
      models: [{ name: 'digits', basePath: 's3://bucket/models/digits' }],
      storage: new RoutedStorage({ schemes: { s3: new S3Storage({ config: s3Config() }) } }),
      cacheDirectory: temporaryFolder(),
      lookTimeoutMs: Number.POSITIVE_INFINITY,
      clock,
    }).start();
    const look = async () => {
      while (clock.pending === 0) await new Promise(setImmediate);
      clock.advance(1000);
    };
    const pixels = tensor('float32', [1, 64], new Float32Array(64));
    const version = async () => (await server.predict('digits', { pixels })).id.version;
    expect(await version()).toBe(1);

    const failed = new Promise<{ error: Error }>((resolve) => server.once('failure', resolve));
    s3.faults.push('broken');
    await look();
    expect((await failed).error.message).toContain('Cannot look for versions of servable digits');
    expect(await version()).toBe(1);

    put(2);
    await look();
    await server.waitFor({ model: 'digits', version: 2 }, 'AVAILABLE');
    expect(await version()).toBe(2);
    expect(server.listModels()[0]?.warning).toBeUndefined();
    await server.close();
  });
});
