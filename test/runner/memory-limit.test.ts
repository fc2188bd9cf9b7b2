import { ModelServer, type ModelServerOptions, type ServingError, type Tensor } from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import { tensor } from '#dist/core/tensor.js';
import type { EngineOptions } from '#dist/runner/engine-options.js';
import { type EngineBench, openEngine, run } from '../support/engine.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const mebibyte = 2 ** 20;
const folder = temporaryFolder();
const expanding = { name: 'expanding', basePath: writeModel(folder, 'expanding', 1, authored.expanding()) };
const linear = { name: 'linear', basePath: writeModel(folder, 'linear', 1, authored.linear(1, 1)) };
const heavy = (megabytes: number) => authored.heavy(megabytes).model as Uint8Array;

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

function benchOf(options: EngineOptions): EngineBench {
  const bench = openEngine(options);
  open.push(bench);
  return bench;
}

async function serve(options: Partial<ModelServerOptions>): Promise<ModelServer> {
  const server = new ModelServer({
    models: [expanding, linear],
    numBatchThreads: 2,
    pollIntervalMs: 0,
    ...options,
  });
  open.push(server);
  return server.start();
}

/** As many rows as the model will take MiB for. */
function rows(count: number, first = 0): { readonly x: Tensor } {
  return {
    x: tensor(
      'float32',
      [count],
      Float32Array.from({ length: count }, (_, row) => first + row),
    ),
  };
}

describe('memoryLimitBytes', () => {
  it.each(['auto', 'on', 'off'] as const)(
    'fails a run that would pass it, and no other one: inline runs %s',
    async (inlineRuns) => {
      const server = await serve({ memoryLimitBytes: 64 * mebibyte, inlineRuns });
      const ask = (count: number) => server.predict('expanding', rows(count));
      for (let round = 0; round < 4; round++) {
        const neighbours = Array.from({ length: 20 }, (_, index) => server.predict('linear', rows(1, index)));
        const good = ask(8);
        const error = await rejection(ask(200));
        expect(error).toMatchObject({
          code: 'RESOURCE_EXHAUSTED',
          id: { model: 'expanding', version: 1 },
          reason: 'memory',
          actual: `${200 * mebibyte} bytes`,
        });
        expect(error.message).toMatch(
          /^Cannot run expanding@1: it needs 209715200 bytes more, and \d+ of memoryLimitBytes 67108864 are free$/,
        );
        expect((await good).outputs.y?.data).toEqual(rows(8).x.data);
        for (const [index, neighbour] of neighbours.entries()) {
          expect((await neighbour).outputs.y?.data).toEqual(Float32Array.of(index + 1));
        }
      }
    },
  );

  it('does not let what earlier runs have left stand in the way of others', async () => {
    const { engine, load } = benchOf({ memoryLimitBytes: 64 * mebibyte });
    const servable = await load(authored.expanding());
    for (let count = 20; count < 60; count += 5) {
      expect((await run(servable, rows(count))).y?.data).toEqual(rows(count).x.data);
      expect(engine.arenas.get('cpu')?.allocatedBytes).toBeLessThanOrEqual(64 * mebibyte);
    }
    expect(engine.arenas.get('cpu')).toMatchObject({ limitBytes: 64 * mebibyte });
  });

  it('answers requests one by one that share a run which is too large', async () => {
    const server = await serve({
      models: [{ ...expanding, batching: { maxBatchSize: 100, batchTimeoutMicros: 50_000 } }],
      memoryLimitBytes: 64 * mebibyte,
      numBatchThreads: 1,
    });
    const answers = await Promise.all([30, 31, 32].map((count) => server.predict('expanding', rows(count))));
    expect(answers.map(({ outputs }) => outputs.y?.shape)).toEqual([[30], [31], [32]]);
  });

  it('counts weights, wherever onnxruntime has put them', async () => {
    const { engine, load } = benchOf({ memoryLimitBytes: 64 * mebibyte });
    await load(heavy(40));
    expect(engine.arenas.get('cpu')?.inUseBytes).toBeGreaterThanOrEqual(40 * mebibyte);
    const servable = await load(authored.expanding());
    expect(await run(servable, rows(16))).toHaveProperty('y');
    const error = await rejection(run(servable, rows(40)));
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', actual: `${40 * mebibyte} bytes` });
  });

  it('refuses a version whose weights do not fit, and leaves nothing of it', async () => {
    const { engine, load } = benchOf({ memoryLimitBytes: 64 * mebibyte });
    const small = await load(authored.linear());
    const before = engine.arenas.get('cpu')?.inUseBytes;
    const error = await rejection(load(heavy(80)));
    expect(error.code).toBe('RESOURCE_EXHAUSTED');
    expect(error.message).toMatch(
      /^Cannot load model-1@1: its weights need 8\d{7} bytes, and 67\d{6} of memoryLimitBytes 67108864 are free$/,
    );
    expect(engine.arenas.get('cpu')?.inUseBytes).toBe(before);
    expect(await run(small, rows(1))).toHaveProperty('y');
    expect(await load(heavy(50))).toHaveProperty('id');
  });

  it('refuses what fits alone and not beside others, and takes it when they are gone', async () => {
    const { load } = benchOf({ memoryLimitBytes: 64 * mebibyte });
    const [first, second] = [heavy(40), heavy(41)];
    const loads = await Promise.allSettled([load(first), load(second)]);
    const [refused] = loads.flatMap((each) =>
      each.status === 'rejected' ? [each.reason as ServingError] : [],
    );
    expect(refused).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    for (const each of loads) if (each.status === 'fulfilled') await each.value.unload();
    expect(await load(second)).toHaveProperty('id');
  });

  it('says so in the status of a version that is refused, and serves the others', async () => {
    const basePath = writeModel(folder, 'heavy', 1, heavy(80));
    const server = await serve({
      models: [linear, { name: 'heavy', basePath }],
      memoryLimitBytes: 64 * mebibyte,
      maxNumLoadRetries: 0,
    });
    expect(server.status('heavy')).toMatchObject([{ state: 'END', error: { code: 'RESOURCE_EXHAUSTED' } }]);
    expect((await server.predict('linear', rows(1))).id.version).toBe(1);
  });

  it('is the process’s: engines with the same limit share it, one with another limit loads nothing', async () => {
    const one = benchOf({ memoryLimitBytes: 64 * mebibyte });
    const other = benchOf({ memoryLimitBytes: 64 * mebibyte });
    await one.load(heavy(40));
    expect(await rejection(other.load(heavy(40)))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    const third = benchOf({ memoryLimitBytes: 32 * mebibyte });
    const error = await rejection(third.load(authored.linear()));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION' });
    expect(error.message).toContain('to 67108864 bytes by another server, and to 33554432 bytes by this one');
    const free = benchOf({});
    expect(await run(await free.load(authored.expanding()), rows(200))).toHaveProperty('y');
  });

  it('outlives the engine that has set it first, and goes with the last one', async () => {
    const one = openEngine({ memoryLimitBytes: 64 * mebibyte });
    const other = openEngine({ memoryLimitBytes: 64 * mebibyte });
    await one.load(heavy(40));
    const servable = await other.load(authored.expanding());
    await one.close();
    expect((await run(servable, rows(40))).y?.shape).toEqual([40]);
    await other.close();
    const third = benchOf({ memoryLimitBytes: 32 * mebibyte });
    expect(await run(await third.load(authored.expanding()), rows(8))).toHaveProperty('y');
    expect(third.engine.arenas.get('cpu')).toMatchObject({ limitBytes: 32 * mebibyte });
  });

  it('holds where memory is taken by doubling', async () => {
    const { engine, load } = benchOf({ memoryLimitBytes: 64 * mebibyte, allowGrowth: false });
    const large = await load(authored.expanding());
    expect(await run(large, rows(5))).toHaveProperty('y');
    expect(engine.arenas.get('cpu')?.allocatedBytes).toBeGreaterThan(7 * mebibyte);
    expect(await rejection(load(heavy(80)))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    await load(heavy(20));
    expect(await run(large, rows(30))).toHaveProperty('y');
    expect(await rejection(run(large, rows(60)))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(await rejection(load(heavy(50)))).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(engine.arenas.get('cpu')?.allocatedBytes).toBeLessThanOrEqual(64 * mebibyte);
  });

  it('gives what a run has left back to the system where a model is told to', async () => {
    const { engine } = benchOf({ memoryLimitBytes: 64 * mebibyte });
    const server = await serve({
      models: [{ ...expanding, shrinkArena: true }],
      memoryLimitBytes: 64 * mebibyte,
    });
    await server.predict('expanding', rows(40));
    const { samples } = await readArena(server);
    expect(samples).toBeLessThan(mebibyte);
    expect(engine.arenas.size).toBe(0);
  });

  it('gives all of it back when models go', async () => {
    const { engine, load } = benchOf({ memoryLimitBytes: 64 * mebibyte });
    const anchor = await load(authored.linear());
    const before = engine.arenas.get('cpu')?.inUseBytes;
    for (let round = 0; round < 5; round++) {
      const servable = await load(heavy(40));
      await run(servable, { x: tensor('float32', [100, 256], new Float32Array(25_600)) });
      await servable.unload();
    }
    expect(engine.arenas.get('cpu')?.inUseBytes).toBe(before);
    expect(await run(anchor, rows(1))).toHaveProperty('y');
  });
});

/** Bytes that the arena of the host has taken, as the server's metrics tell. */
async function readArena(server: ModelServer): Promise<{ readonly samples: number }> {
  const text = await server.metrics.collect();
  const found = /^servable_arena_allocated_bytes\{place="cpu"\} (\d+)$/m.exec(text);
  return { samples: Number(found?.[1] ?? Number.NaN) };
}
