import { BatchDispatcher, BatchingLoader, type BatchingOptions, type UnbatchedReport } from 'servable';
import { afterAll, describe, expect, it } from 'vitest';
import type { Servable } from '#dist/core/servable.js';
import { tensor } from '#dist/core/tensor.js';
import { OnnxLoader } from '#dist/runner/onnx-loader.js';
import { defaultSignature, openEngine, run } from '../support/engine.js';
import { FakeLoader } from '../support/fake-loader.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const bench = openEngine({ numBatchThreads: 2 });
afterAll(() => bench.close());
const dispatcher = new BatchDispatcher({ numBatchThreads: 2 });

function loaderOf(batching: BatchingOptions | false, reports: UnbatchedReport[] = []): BatchingLoader {
  return new BatchingLoader({
    loader: new OnnxLoader({ engine: bench.engine }),
    dispatcher,
    batching: () => batching,
    onUnbatched: (report) => reports.push(report),
  });
}

async function withLoaded(
  bytes: Uint8Array,
  batching: BatchingOptions | false,
  use: (servable: Servable, reports: readonly UnbatchedReport[]) => unknown,
  beside: Readonly<Record<string, string>> = {},
): Promise<void> {
  const path = writeModel(folder, `model-${Math.random()}`, 1, bytes, beside);
  const reports: UnbatchedReport[] = [];
  const servable = await loaderOf(batching, reports).load({ model: 'm', version: 1 }, `${path}/1`);
  try {
    await use(servable, reports);
  } finally {
    await servable.unload();
  }
}

const rows = (...values: number[]) =>
  tensor(
    'float32',
    [values.length, 4],
    values.flatMap((it) => [it, it, it, it]),
  );

describe('BatchingLoader', () => {
  it('batches a model whose rows do not know of each other', async () => {
    await withLoaded(authored.linear(), {}, async (servable, reports) => {
      expect(servable.batching).toEqual({ isOn: true });
      expect(reports).toEqual([]);
      const x = (value: number) => ({ x: tensor('float32', [1], [value]) });
      const answers = await Promise.all([100, 42].map((value) => run(servable, x(value))));
      expect(answers.map(({ y }) => y?.data[0])).toEqual([52, 23]);
    });
  });

  it('leaves a model alone for which batching was not asked for', async () => {
    await withLoaded(authored.linear(), false, (servable) => expect(servable.batching).toBeUndefined());
  });

  it('serves a model that mixes rows unbatched, and says why, to whoever listens and in the status', async () => {
    await withLoaded(authored.batchMeanCentering(), {}, async (servable, reports) => {
      expect(servable.batching?.isOn).toBe(false);
      expect(servable.batching?.reason).toMatch(/output/);
      expect(reports).toEqual([{ id: { model: 'm', version: 1 }, reason: servable.batching?.reason }]);
      const alone = await run(servable, { x: rows(4) }, { outputs: ['y'] });
      const answers = await Promise.all(
        [4, 8].map((value) => run(servable, { x: rows(value) }, { outputs: ['y'] })),
      );
      expect(answers[0]).toEqual(alone);
    });
  });

  it('fails to load it where batching is required', async () => {
    const path = writeModel(folder, 'required', 1, authored.batchMeanCentering());
    const load = loaderOf({ batchSafety: 'require' }).load({ model: 'm', version: 1 }, `${path}/1`);
    const error = await rejection(load);
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', id: { model: 'm', version: 1 } });
    expect(error.message).toMatch(
      /^Cannot load m@1: its rows cannot share a run, and batching is required: /,
    );
  });

  it('does not look where it is told to trust', async () => {
    await withLoaded(authored.batchMeanCentering(), { batchSafety: 'trust' }, (servable, reports) => {
      expect(servable.batching).toEqual({ isOn: true });
      expect(reports).toEqual([]);
    });
  });

  it('tells the signatures of a model apart', async () => {
    const signatures = { centered: { inputs: { x: 'x' }, outputs: { y: 'y' } } };
    const beside = { 'signatures.json': JSON.stringify(signatures) };
    await withLoaded(
      authored.batchMeanCentering(),
      {},
      (servable) => {
        expect(servable.batching?.isOn).toBe(false);
        expect(servable.batching?.reason).toMatch(/signature "serving_default": .*; signature "centered": /);
      },
      beside,
    );
  });

  it('gives back what it loaded where batching fails', async () => {
    const loader = new FakeLoader({ isAutomatic: true });
    const batching = new BatchingLoader({ loader, dispatcher, batching: () => ({ padValue: { x: 1 } }) });
    const error = await rejection(batching.load({ model: 'm', version: 1 }, ''));
    expect(error.code).toBe('FAILED_PRECONDITION');
    expect(loader.loads[0]?.servable.unloads).toBe(1);
  });

  it('passes on what the loader says, and the signal', async () => {
    const loader = new FakeLoader();
    const batching = new BatchingLoader({ loader, dispatcher, batching: () => ({}) });
    const abort = new AbortController();
    const load = batching.load({ model: 'm', version: 1 }, '', abort.signal);
    abort.abort();
    expect((await rejection(load)).code).toBe('CANCELLED');
  });

  it('fails only the request that is at fault, in a real engine', async () => {
    await withLoaded(authored.gatherTable(), { maxBatchSize: 8 }, async (servable) => {
      const signature = defaultSignature(servable);
      const [alias] = Object.keys(signature.inputs) as [string];
      const ids = [1, 99, 2, -1, 3];
      const answers = await Promise.allSettled(
        ids.map((id) => run(servable, { [alias]: tensor('int64', [1], [BigInt(id)]) })),
      );
      expect(answers.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'fulfilled',
        'fulfilled',
      ]);
    });
  });
});

it('knows what runs cost before the first request, where a latency is wanted', async () => {
  await withLoaded(authored.linear(), { latencyTargetMicros: 1e6 }, async (servable) => {
    const values = Array.from({ length: 20 }, (_, index) => index);
    const answers = await Promise.all(
      values.map((value) => run(servable, { x: tensor('float32', [1], [value]) })),
    );
    expect(answers.length).toBe(20); // nobody was refused for want of knowledge
  });
});
