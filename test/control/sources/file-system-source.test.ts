import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LookReport } from '#dist/control/lifecycle-observer.js';
import { FileSystemSource, type FileSystemSourceOptions } from '#dist/control/sources/file-system-source.js';
import type { VersionPolicy } from '#dist/control/version-policy.js';
import { type Deferred, deferred } from '#dist/core/deferred.js';
import { ServingError, type StatusCode } from '#dist/core/errors.js';
import type { Storage, StorageEntry } from '#dist/core/storage.js';
import { LocalStorage } from '#dist/storage/local-storage.js';
import { caught } from '../../support/caught.js';
import { FakeClock } from '../../support/fake-clock.js';
import { temporaryFolder } from '../../support/onnx/model-folder.js';
import { RecordingListener } from '../../support/recording-listener.js';
import { rejection } from '../../support/rejection.js';
import { allTurns } from '../../support/turns.js';
import { collectUncaught } from '../../support/uncaught.js';

const folder = temporaryFolder();
let basePath = '';
let count = 0;
beforeEach(() => {
  basePath = join(folder, String(count++), 'digits');
  mkdirSync(basePath, { recursive: true });
});

const addVersion = (name: string) => mkdirSync(join(basePath, name));
const removeVersion = (name: string) => rmSync(join(basePath, name), { recursive: true });

function arrange(versionPolicy: VersionPolicy = 'all', options: Partial<FileSystemSourceOptions> = {}) {
  const heard = new RecordingListener();
  const clock = new FakeClock();
  const model = { name: 'digits', basePath, versionPolicy };
  const source = new FileSystemSource({
    models: [model],
    pollIntervalMs: 0,
    lookTimeoutMs: Number.POSITIVE_INFINITY,
    clock,
    ...options,
  });
  return { heard, clock, model, source, wanted: () => heard.wanted('digits') };
}

/** What is found by one look. */
async function look(versionPolicy: VersionPolicy = 'all', storage: Storage = new LocalStorage()) {
  const { heard, source } = arrange(versionPolicy, { storage });
  await source.start(heard);
  return { aspired: heard.aspirations[0], failure: heard.failures[0]?.error };
}

const folders = (...names: string[]): StorageEntry[] => names.map((name) => ({ name, isDirectory: true }));

/** A storage that fails as it is told. */
function brokenStorage(code: StatusCode): Storage {
  const fail = async (path: string): Promise<never> => {
    throw new ServingError(code, `Cannot list ${path}: it is broken`);
  };
  return { list: fail, open: fail };
}

/** A storage whose looks into a base path end when they are told; the versions in it are empty. */
class SlowStorage implements Storage {
  readonly looks: (Deferred<readonly StorageEntry[]> & { readonly signal: AbortSignal | undefined })[] = [];

  async list(path: string, signal?: AbortSignal): Promise<readonly StorageEntry[]> {
    if (/[0-9]$/.test(path)) return [];
    const look = { ...deferred<readonly StorageEntry[]>(), signal };
    this.looks.push(look);
    return await look.promise;
  }

  async open(): Promise<never> {
    throw new ServingError('NOT_FOUND', 'There is no file');
  }
}

describe('a look into a base path', () => {
  it('finds the version directories and where they lie', async () => {
    addVersion('2');
    addVersion('10');
    expect((await look()).aspired).toEqual({
      model: 'digits',
      versions: [
        { version: 10, path: join(basePath, '10'), revision: '' },
        { version: 2, path: join(basePath, '2'), revision: '' },
      ],
    });
  });

  it('leaves out what the policy does not want', async () => {
    for (const name of ['1', '2', '3']) addVersion(name);
    expect((await look({ latest: 1 })).aspired?.versions).toMatchObject([
      { version: 3, path: join(basePath, '3') },
    ]);
  });

  it('passes by what is no number, and a file that is named as one', async () => {
    addVersion('1');
    addVersion('tmp-2');
    addVersion('-4');
    writeFileSync(join(basePath, '3'), '');
    writeFileSync(join(basePath, 'README.md'), '');
    expect((await look()).aspired?.versions.map(({ version }) => version)).toEqual([1]);
  });

  it('takes the shorter name of one version, and says so', async () => {
    addVersion('001');
    addVersion('1');
    const { aspired } = await look();
    expect(aspired?.versions).toMatchObject([{ version: 1, path: join(basePath, '1') }]);
    expect(aspired?.warning).toMatchObject({
      code: 'NOT_FOUND',
      message: `Servable digits under base path ${basePath}: the directories 001 repeat versions and are not served`,
    });
  });

  it('wants the named versions that are there, and says which are not', async () => {
    addVersion('1');
    const { aspired } = await look({ specific: [1, 5, 7] });
    expect(aspired?.versions.map(({ version }) => version)).toEqual([1]);
    expect(aspired?.warning?.message).toContain('the versions 5, 7, which its policy names, are not there');
  });

  it('follows links to version directories', async () => {
    mkdirSync(join(basePath, 'release-a'));
    symlinkSync('release-a', join(basePath, '4'));
    expect((await look()).aspired?.versions).toMatchObject([{ version: 4, path: join(basePath, '4') }]);
  });

  it.each([
    ['to nothing', 'nowhere'],
    ['to itself', '4'],
    ['through a file', 'file/4'],
  ])('passes by a link that leads %s', async (_where, target) => {
    addVersion('1');
    writeFileSync(join(basePath, 'file'), '');
    symlinkSync(target, join(basePath, '4'));
    expect(await look()).toMatchObject({ aspired: { versions: [{ version: 1 }] }, failure: undefined });
  });

  it('wants nothing where the policy names nothing, though there is nothing', async () => {
    expect(await look({ specific: [] })).toMatchObject({ aspired: { versions: [] }, failure: undefined });
  });

  it.each<[string, string, () => void, string]>([
    ['is missing', 'NOT_FOUND', () => rmSync(basePath, { recursive: true }), 'Could not find base path'],
    ['has no versions', 'NOT_FOUND', () => addVersion('v1'), 'No versions of servable digits found under'],
    [
      'is a file',
      'FAILED_PRECONDITION',
      () => {
        rmSync(basePath, { recursive: true });
        writeFileSync(basePath, '');
      },
      'is not a directory',
    ],
  ])('that %s is a failure, not the wish to serve nothing', async (_what, code, arrangeIt, message) => {
    arrangeIt();
    const { aspired, failure } = await look();
    expect(aspired).toBeUndefined();
    expect(failure).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(failure?.message).toContain(basePath);
  });

  it.each<[StatusCode, string]>([
    ['PERMISSION_DENIED', 'this process has no permission to read <base path>'],
    ['UNAVAILABLE', 'under base path <base path>: Cannot list <base path>: it is broken'],
    ['RESOURCE_EXHAUSTED', 'under base path <base path>: Cannot list <base path>: it is broken'],
  ])('that meets %s is a failure: %s', async (code, message) => {
    const { aspired, failure } = await look('all', brokenStorage(code));
    expect(aspired).toBeUndefined();
    expect(failure).toMatchObject({ code, cause: { code } });
    expect(failure?.message).toContain(message.replaceAll('<base path>', basePath));
  });

  it('says what the files of a version look like, and says the same until they change', async () => {
    addVersion('1');
    writeFileSync(join(basePath, '1', 'model.onnx'), 'some');
    const { heard, source } = arrange();
    await source.start(heard);
    await source.poll();
    writeFileSync(join(basePath, '1', 'model.onnx'), 'other');
    await source.poll();
    const [first, second, third] = heard.aspirations.map(({ versions }) => versions[0]?.revision);
    expect(first).toEqual(expect.any(String));
    expect([second === first, third === first]).toEqual([true, false]);
  });

  it('finds the versions of a URI', async () => {
    const paths: string[] = [];
    const storage: Storage = {
      list: async (path) => {
        paths.push(path);
        return path.endsWith('digits/') ? folders('1') : [];
      },
      open: new SlowStorage().open,
    };
    const { heard, model, clock } = arrange();
    const models = [{ ...model, basePath: 's3://bucket/digits/' }];
    await new FileSystemSource({ models, storage, clock, pollIntervalMs: 0 }).start(heard);
    expect(heard.aspirations[0]?.versions).toMatchObject([{ version: 1, path: 's3://bucket/digits/1' }]);
    expect(paths).toEqual(['s3://bucket/digits/', 's3://bucket/digits/1']);
  });
});

describe('a base path that does not answer', () => {
  const arrangeTwo = (lookTimeoutMs = 10_000) => {
    const storage = new SlowStorage();
    const reports: LookReport[] = [];
    const onLook = (report: LookReport) => reports.push(report);
    const arranged = arrange('all', { storage, lookTimeoutMs, pollIntervalMs: 1000, onLook });
    const started = arranged.source.start(arranged.heard);
    return { ...arranged, storage, started, reports };
  };

  it('is reported, ended, and left alone until the look has ended', async () => {
    const { heard, clock, storage, started, source, wanted, reports } = arrangeTwo();
    clock.advance(10_000);
    await started;
    expect(heard.failures.map(({ error }) => error)).toMatchObject([
      {
        code: 'UNAVAILABLE',
        message: `Cannot look for versions of servable digits: base path ${basePath} did not answer within 10000 ms`,
      },
    ]);
    expect([storage.looks[0]?.signal?.aborted, reports]).toMatchObject([
      true,
      [{ model: 'digits', durationMs: 10_000, error: { code: 'UNAVAILABLE' } }],
    ]);
    clock.advance(1000);
    await allTurns();
    expect([storage.looks.length, heard.failures.length]).toEqual([1, 2]);
    storage.looks[0]?.resolve(folders('1'));
    await allTurns();
    expect(wanted()).toEqual([]); // it was too late
    clock.advance(1000);
    await allTurns();
    storage.looks[1]?.resolve(folders('1', '2'));
    await allTurns();
    expect(wanted()).toEqual([[2, 1]]);
    source.close();
    expect(clock.pending).toBe(0);
  });

  it('does not keep those of other models waiting', async () => {
    const slow = new SlowStorage();
    const local = new LocalStorage();
    addVersion('1');
    const storage: Storage = {
      list: (path, signal) => (path.startsWith('/slow') ? slow : local).list(path, signal),
      open: (path) => local.open(path),
    };
    const clock = new FakeClock();
    const heard = new RecordingListener();
    const stuck = Array.from({ length: 20 }, (_, index) => `/slow/${index}/base`);
    const models = [...stuck, basePath].map((path) => ({
      name: path,
      basePath: path,
      versionPolicy: 'all' as const,
    }));
    const started = new FileSystemSource({
      models,
      storage,
      clock,
      lookTimeoutMs: 50,
      pollIntervalMs: 0,
    }).start(heard);
    for (let round = 0; round < 2; round++) {
      await allTurns();
      clock.advance(50); // the lanes are full of them at first
    }
    while (heard.wanted(basePath).length === 0) await allTurns();
    clock.advance(50);
    await started;
    expect([heard.wanted(basePath), heard.failures.length]).toEqual([[[1]], 20]);
  });

  it('is not waited for when the source is closed', async () => {
    const { clock, storage, source } = arrangeTwo();
    source.close();
    expect(storage.looks[0]?.signal?.aborted).toBe(true);
    storage.looks[0]?.reject(new ServingError('CANCELLED', 'aborted'));
    await allTurns();
    expect(clock.pending).toBe(0);
  });
});

describe('FileSystemSource', () => {
  it('follows versions as they appear and vanish', async () => {
    const { heard, source, wanted } = arrange({ latest: 1 });
    addVersion('1');
    await source.start(heard);
    addVersion('2');
    await source.poll();
    removeVersion('2');
    await source.poll();
    expect(wanted()).toEqual([[1], [2], [1]]);
  });

  it('goes on when a base path vanishes and comes back', async () => {
    const { heard, source, wanted } = arrange();
    addVersion('1');
    await source.start(heard);
    renameSync(basePath, `${basePath}.away`);
    await source.poll();
    expect([wanted(), heard.failures.length]).toEqual([[[1]], 1]);
    renameSync(`${basePath}.away`, basePath);
    addVersion('2');
    await source.poll();
    expect(wanted()).toEqual([[1], [2, 1]]);
  });

  it('does not let one model suffer from the base path of another', async () => {
    addVersion('1');
    const { heard, model, source, wanted } = arrange();
    await source.start(heard);
    await source.setModels([{ ...model, name: 'missing', basePath: join(basePath, 'nowhere') }, model]);
    expect(heard.failures.map(({ model: name }) => name)).toEqual(['missing']);
    expect(wanted()).toEqual([[1], [1]]);
  });

  it('looks when the interval is over, again and again, until it is closed', async () => {
    const storage: Storage = { list: async () => [], open: new SlowStorage().open };
    const { heard, clock, source } = arrange('all', { pollIntervalMs: 1000, storage });
    await source.start(heard);
    const looks: number[] = [];
    for (const ms of [999, 1, 999, 1]) {
      clock.advance(ms);
      await allTurns();
      looks.push(heard.failures.length);
    }
    source.close();
    expect([looks, clock.pending]).toEqual([[1, 2, 2, 3], 0]);
  });

  it('counts the interval from the end of a look, so that looks never overlap', async () => {
    const storage = new SlowStorage();
    const { heard, clock, source } = arrange('all', { pollIntervalMs: 1000, storage });
    const started = source.start(heard);
    clock.advance(5000);
    expect([storage.looks.length, clock.pending]).toEqual([1, 0]);
    storage.looks[0]?.resolve(folders('1'));
    await started;
    expect([storage.looks.length, clock.pending]).toEqual([1, 1]);
    clock.advance(1000);
    await allTurns();
    expect([storage.looks.length, clock.pending]).toEqual([2, 0]);
    storage.looks[1]?.resolve(folders('1'));
    await allTurns();
    expect(clock.pending).toBe(1);
  });

  it('looks once more, not once for each, when it is asked to during a look', async () => {
    const storage = new SlowStorage();
    const { heard, source } = arrange('all', { storage });
    const started = source.start(heard);
    const polls = [source.poll(), source.poll(), source.poll()];
    await allTurns();
    expect(storage.looks).toHaveLength(1);
    storage.looks[0]?.resolve(folders('1'));
    await started;
    await allTurns();
    expect(storage.looks).toHaveLength(2);
    storage.looks[1]?.resolve(folders('1', '2'));
    await Promise.all(polls);
    expect(heard.wanted('digits')).toEqual([[1], [2, 1]]);
  });

  it('sets no timer where it is to look once', async () => {
    const { heard, clock, source } = arrange();
    await source.start(heard);
    expect(clock.pending).toBe(0);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s as an interval', (pollIntervalMs) => {
    expect(caught(() => arrange('all', { pollIntervalMs }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      option: 'pollIntervalMs',
    });
  });

  it('starts once', async () => {
    addVersion('1');
    const { heard, clock, source, wanted } = arrange('all', { pollIntervalMs: 1000 });
    await Promise.all([source.start(heard), source.start(heard)]);
    expect([wanted(), clock.pending]).toEqual([[[1]], 1]);
  });

  it('does not start when it has been closed', async () => {
    const { heard, source } = arrange();
    source.close();
    expect(await rejection(source.start(heard))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'Cannot start a source that has been closed',
    });
    await source.poll();
    expect(heard.aspirations).toEqual([]);
  });

  it('tells nothing of a look under way when it is closed, and looks no more', async () => {
    const storage = new SlowStorage();
    const { heard, clock, model, source } = arrange('all', { pollIntervalMs: 1000, storage });
    const started = source.start(heard);
    const next = source.poll();
    source.close();
    storage.looks[0]?.resolve(folders('1'));
    await Promise.all([started, next, source.setModels([{ ...model, name: 'other' }])]);
    expect([heard.aspirations, heard.failures, storage.looks.length, clock.pending]).toEqual([[], [], 1, 0]);
  });

  it('goes on looking when its listener throws, and does not hide what it threw', async () => {
    const { uncaught } = collectUncaught();
    addVersion('1');
    const { heard, clock, source, wanted } = arrange('all', { pollIntervalMs: 1000 });
    const mistake = new Error('a mistake of the listener');
    const aspire = heard.aspire.bind(heard);
    heard.aspire = () => {
      throw mistake;
    };
    await source.start(heard);
    heard.aspire = aspire;
    expect(clock.pending).toBe(1);
    await source.poll();
    expect(wanted()).toEqual([[1]]);
    expect(await uncaught()).toEqual([mistake]);
  });
});

describe('FileSystemSource.setModels', () => {
  it('wants nothing of a model that is gone, and looks at the new ones', async () => {
    addVersion('1');
    const { heard, model, source } = arrange();
    await source.start(heard);
    await source.setModels([{ ...model, name: 'other' }]);
    expect(heard.wanted('digits')).toEqual([[1], []]);
    expect(heard.wanted('other')).toEqual([[1]]);
  });

  it('applies a new policy', async () => {
    addVersion('1');
    addVersion('2');
    const { heard, model, source, wanted } = arrange({ latest: 1 });
    await source.start(heard);
    await source.setModels([{ ...model, versionPolicy: 'all' }]);
    expect(wanted()).toEqual([[2], [2, 1]]);
  });

  it('does not tell what a look found that began before it', async () => {
    const storage = new SlowStorage();
    const { heard, model, source, wanted } = arrange({ latest: 1 }, { storage });
    const started = source.start(heard);
    const set = source.setModels([{ ...model, versionPolicy: 'all' }]);
    storage.looks[0]?.resolve(folders('1', '2'));
    await started;
    expect(wanted()).toEqual([]);
    await allTurns();
    storage.looks[1]?.resolve(folders('1', '2'));
    await set;
    expect(wanted()).toEqual([[2, 1]]);
  });

  it('counts before the start as what it was made with', async () => {
    addVersion('1');
    const { heard, model, source } = arrange();
    await source.setModels([{ ...model, name: 'other' }]);
    await source.start(heard);
    expect(heard.aspirations.map(({ model: name }) => name)).toEqual(['other']);
  });
});
