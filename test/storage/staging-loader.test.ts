import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StagingLoader } from '#dist/storage/staging-loader.js';
import { FakeClock } from '../support/fake-clock.js';
import { FakeLoader } from '../support/fake-loader.js';
import { MemoryStorage } from '../support/memory-storage.js';
import { temporaryFolder } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const root = temporaryFolder();
const id = { model: 'digits', version: 1 };
const uri = 'mem://bucket/digits/1';
let count = 0;

function arrange() {
  const storage = new MemoryStorage();
  storage.put(`${uri}/model.onnx`, 'the model');
  storage.put(`${uri}/assets.extra/labels.txt`, 'zero\none');
  const cacheDirectory = join(root, String(count++));
  const inner = new FakeLoader({ isAutomatic: true });
  const clock = new FakeClock();
  const loader = new StagingLoader({ loader: inner, storage, cacheDirectory, clock });
  /** What lies in the cache: folders of copies, and files in them. */
  const copies = () =>
    existsSync(cacheDirectory)
      ? readdirSync(cacheDirectory).flatMap((place) => readdirSync(join(cacheDirectory, place)))
      : [];
  return { storage, cacheDirectory, inner, loader, copies, clock };
}

describe('StagingLoader', () => {
  it('loads what lies on the disk from where it is', async () => {
    const { loader, inner, storage } = arrange();
    for (const path of ['/models/digits/1', 'models/digits/1', 'C:\\models\\1']) {
      await loader.load(id, path);
      expect(inner.loads.at(-1)?.path).toBe(path);
    }
    expect(storage.opened).toEqual([]);
  });

  it('copies a version from far away, with all that lies below it, and loads the copy', async () => {
    const { loader, inner } = arrange();
    await loader.load(id, uri);
    const path = inner.loads[0]?.path as string;
    expect(readFileSync(join(path, 'model.onnx'), 'utf8')).toBe('the model');
    expect(readFileSync(join(path, 'assets.extra', 'labels.txt'), 'utf8')).toBe('zero\none');
  });

  it('copies it once, for all who load it, until its files change', async () => {
    const { loader, inner, storage, copies } = arrange();
    await Promise.all([loader.load(id, uri), loader.load(id, uri)]);
    await loader.load(id, uri);
    expect(storage.opened).toHaveLength(2);
    storage.put(`${uri}/model.onnx`, 'another one');
    await loader.load(id, uri);
    expect(storage.opened).toHaveLength(4);
    expect(readFileSync(join(inner.loads.at(-1)?.path as string, 'model.onnx'), 'utf8')).toBe('another one');
    expect(copies()).toHaveLength(1); // the old one is gone
  });

  it('uses the copy that another process made', async () => {
    const { loader, storage, cacheDirectory } = arrange();
    await loader.load(id, uri);
    const other = new StagingLoader({
      loader: new FakeLoader({ isAutomatic: true }),
      storage,
      cacheDirectory,
    });
    await other.load(id, uri);
    expect(storage.opened).toHaveLength(2);
  });

  it('leaves nothing behind when it is aborted', async () => {
    const { loader, storage, copies, inner } = arrange();
    storage.hold = new Promise(() => {});
    const abort = new AbortController();
    const loading = rejection(loader.load(id, uri, abort.signal));
    while (storage.opened.length < 2) await new Promise(setImmediate);
    abort.abort();
    expect(await loading).toMatchObject({ code: 'CANCELLED' });
    expect([copies(), inner.loads]).toEqual([[], []]);
  });

  it('makes the copy once more where the load that made it was aborted', async () => {
    const { loader, storage, inner } = arrange();
    let letGo = () => {};
    storage.hold = new Promise((resolve) => {
      letGo = resolve;
    });
    const abort = new AbortController();
    const first = rejection(loader.load(id, uri, abort.signal));
    while (storage.opened.length < 2) await new Promise(setImmediate);
    const second = loader.load(id, uri);
    await new Promise(setImmediate);
    abort.abort();
    expect((await first).code).toBe('CANCELLED');
    letGo();
    await second;
    expect(inner.loads).toHaveLength(1);
  });

  it('does not load what came cut short', async () => {
    const { loader, storage, copies } = arrange();
    storage.mostBytes = 5;
    expect(await rejection(loader.load(id, uri))).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^Cannot copy mem:.*: 5 bytes came, and it has [89]$/),
    });
    expect(copies()).toEqual([]);
  });

  it('does not wait for ever for what has gone silent', async () => {
    const { loader, storage, copies, clock } = arrange();
    storage.hold = new Promise(() => {});
    const loading = rejection(loader.load(id, uri));
    while (storage.opened.length < 2 || clock.pending < 2) await new Promise(setImmediate);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    clock.advance(60_000);
    expect(await loading).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^Cannot copy mem:.*: nothing came for 60000 ms$/),
    });
    expect([copies(), clock.pending]).toEqual([[], 0]);
  });

  it('does not load files that changed while they were copied', async () => {
    const { loader, storage, inner } = arrange();
    let letGo = () => {};
    storage.hold = new Promise((resolve) => {
      letGo = resolve;
    });
    const loading = rejection(loader.load(id, uri));
    while (storage.opened.length < 2) await new Promise(setImmediate);
    storage.put(`${uri}/model.onnx`, 'THE MODEL');
    letGo();
    expect(await loading).toMatchObject({
      code: 'ABORTED',
      retryable: true,
      message: 'Cannot load digits@1: its files changed while they were copied',
    });
    expect(inner.loads).toEqual([]);
  });

  it.each(['..', 'a\0b', 'a\\b', '.'])('refuses a file named %j', async (name) => {
    const { loader, storage, copies } = arrange();
    storage.put(`${uri}/${name}`, 'x');
    expect(await rejection(loader.load(id, uri))).toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(copies()).toEqual([]);
  });

  it('says so where nothing is there, and where the copy cannot be written', async () => {
    const { loader, storage } = arrange();
    expect(await rejection(loader.load(id, 'mem://bucket/digits/2'))).toMatchObject({ code: 'NOT_FOUND' });
    const cacheDirectory = join(root, `file-${count++}`);
    writeFileSync(cacheDirectory, '');
    const blocked = new StagingLoader({ loader: new FakeLoader(), storage, cacheDirectory });
    expect(await rejection(blocked.load(id, uri))).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`Cannot copy ${uri} to `),
    });
  });

  it('removes what a dead process left, a day later, and nothing younger', async () => {
    const { loader, cacheDirectory, copies } = arrange();
    await loader.load(id, uri);
    const [place] = readdirSync(cacheDirectory);
    for (const name of ['incoming-old', 'incoming-young'])
      mkdirSync(join(cacheDirectory, place as string, name));
    const longAgo = Date.now() / 1000 - 2 * 24 * 3600;
    utimesSync(join(cacheDirectory, place as string, 'incoming-old'), longAgo, longAgo);
    await loader.load(id, uri);
    expect(copies().filter((name) => name.startsWith('incoming'))).toEqual(['incoming-young']);
  });

  it('estimates by the size of the files', async () => {
    const { loader, inner } = arrange();
    expect(await loader.estimate(id, uri)).toBeCloseTo(1.2 * (9 + 8));
    expect(await loader.estimate(id, '/models/digits/1')).toBe(await inner.estimate(id, '/models/digits/1'));
  });
});
