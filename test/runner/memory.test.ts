import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BatchDispatcher, BatchingLoader } from 'servable';
import { afterAll, describe, expect, it } from 'vitest';
import { tensor } from '#dist/core/tensor.js';
import { OnnxLoader } from '#dist/runner/onnx-loader.js';
import type { SessionOptions } from '#dist/runner/session-options.js';
import { openEngine, run } from '../support/engine.js';
import { FakeLoader } from '../support/fake-loader.js';
import { host } from '../support/host.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const bench = openEngine();
afterAll(() => bench.close());
const id = { model: 'm', version: 1 };
const mebibyte = 2 ** 20;

function heavyPath(megabytes: number, isExternal = false): string {
  const { model, data } = authored.heavy(megabytes, { isExternal });
  const beside = data === undefined ? {} : { [authored.heavyDataFile]: data };
  return `${writeModel(folder, `heavy-${megabytes}-${isExternal}`, 1, model, beside)}/1`;
}

function load(path: string, session: SessionOptions = {}) {
  return new OnnxLoader({ engine: bench.engine, sessionOptions: () => session }).load(id, path);
}

describe('memoryBytes', () => {
  it.each<[number, boolean, SessionOptions]>([
    [1, false, {}],
    [10, false, {}],
    [10, true, {}],
    [10, true, { externalData: 'mapped' }],
    [100, false, {}],
    [10, false, { cpuArena: false }],
    [10, false, { configEntries: { 'session.disable_prepacking': '1' } }],
    [10, true, { configEntries: { 'session.use_env_allocators': '1' } }],
  ])('is what the weights take: %i MiB, external %s, %j', async (megabytes, isExternal, session) => {
    const servable = await load(heavyPath(megabytes, isExternal), session);
    const { memoryBytes = 0 } = servable;
    expect(memoryBytes / mebibyte / megabytes).toBeGreaterThan(0.99);
    expect(memoryBytes / mebibyte / megabytes).toBeLessThan(1.1);
    await servable.unload();
    expect(servable.memoryBytes).toBeUndefined();
  });

  it('grows with what runs leave for the next ones, and not with each of them', async () => {
    const servable = await load(heavyPath(1));
    const loaded = servable.memoryBytes as number;
    const rows = { x: tensor('float32', [1024, 256], new Float32Array(1024 * 256)) };
    await run(servable, rows); // its product alone is 4 MiB
    const used = servable.memoryBytes as number;
    expect(used - loaded).toBeGreaterThan(4 * mebibyte);
    for (let round = 0; round < 5; round++) await run(servable, rows);
    expect(servable.memoryBytes).toBe(used);
    await servable.unload();
  });

  it('is passed on by a batched servable', async () => {
    const loader = new BatchingLoader({
      loader: new OnnxLoader({ engine: bench.engine }),
      dispatcher: new BatchDispatcher({ numBatchThreads: 1 }),
      batching: () => ({}),
    });
    const servable = await loader.load(id, heavyPath(1));
    expect(servable.memoryBytes).toBeGreaterThan(mebibyte);
    await servable.unload();
  });

  it.skipIf(process.platform !== 'linux')('is about what the process grows by [linux]', async () => {
    const program = `
        import { readFileSync } from 'node:fs';
        const engine = new OrtEngine();
        engine.start();
        const loader = new OnnxLoader({ engine });
        const load = (path) => loader.load({ model: 'm', version: 1 }, path);
        const anonymous = () => Number(/RssAnon:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
        const [small, large] = ${JSON.stringify([heavyPath(1), heavyPath(100, true)])};
        await (await load(small)).unload();
        const before = anonymous();
        const servable = await load(large);
        console.log(JSON.stringify([anonymous() - before, servable.memoryBytes]));
        await servable.unload();
        await engine.close();`;
    const [grown, told] = JSON.parse(await host(program)) as [number, number];
    expect(told / grown).toBeGreaterThan(0.8);
    expect(told / grown).toBeLessThan(1.2);
  });
});

describe('estimate', () => {
  const loader = new OnnxLoader({ engine: bench.engine });

  it('is 1.2 times the files of the version, in folders and behind links too, each counted once', async () => {
    const path = `${writeModel(folder, 'estimated', 1, new Uint8Array(1000))}/1`;
    expect(await loader.estimate(id, path)).toBe(1200);
    mkdirSync(join(path, 'assets', 'more'), { recursive: true });
    writeFileSync(join(path, 'assets', 'more', 'vocabulary'), new Uint8Array(500));
    expect(await loader.estimate(id, path)).toBe(1800);
    const outside = join(folder, 'outside.bin');
    writeFileSync(outside, new Uint8Array(1001));
    symlinkSync(outside, join(path, 'weights.bin'));
    linkSync(outside, join(path, 'again.bin'));
    symlinkSync('..', join(path, 'assets', 'loop'));
    symlinkSync('nowhere', join(path, 'broken'));
    expect(await loader.estimate(id, path)).toBe(Math.ceil(2501 * 1.2));
  });

  it('is refused as a load is: without a model, and when it is aborted', async () => {
    mkdirSync(join(folder, 'empty'));
    expect(await rejection(loader.estimate(id, join(folder, 'empty')))).toMatchObject({
      code: 'NOT_FOUND',
      message: `Cannot load m@1: no model.onnx in ${join(folder, 'empty')}`,
    });
    const aborted = loader.estimate(id, heavyPath(1), AbortSignal.abort());
    expect((await rejection(aborted)).code).toBe('CANCELLED');
  });

  it('is the loader’s own where it batches, and absent where it has none', async () => {
    const dispatcher = new BatchDispatcher({ numBatchThreads: 1 });
    const options = { dispatcher, batching: () => undefined };
    const path = heavyPath(1);
    const batching = new BatchingLoader({ loader, ...options });
    expect(await batching.estimate?.(id, path)).toBe(await loader.estimate(id, path));
    expect(
      new BatchingLoader({ loader: { load: new FakeLoader().load }, ...options }).estimate,
    ).toBeUndefined();
  });
});
