import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BatchRun,
  type ModelOptions,
  ModelServer,
  type RunRequest,
  type Servable,
  ServingError,
  tensor,
  WarmupLoader,
  type WarmupPlan,
  type WarmupReport,
  type WarmupRequest,
  writeWarmupFile,
} from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import { ByteSink } from '#dist/wire/byte-sink.js';
import { frameRecord } from '#dist/wire/tfrecord.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { ScriptedServable } from '../support/scripted-servable.js';

const folder = temporaryFolder();
const servers: ModelServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

let count = 0;
function addModel(bytes = authored.linear(1, 1), beside: Readonly<Record<string, string>> = {}) {
  const name = `m${count++}`;
  const basePath = writeModel(folder, name, 1, bytes, beside);
  return { name, basePath, directory: join(basePath, '1') };
}

async function serve(model: ModelOptions) {
  const reports: WarmupReport[] = [];
  const runs: BatchRun[] = [];
  const server = new ModelServer({
    models: [model],
    pollIntervalMs: 0,
    inlineRuns: 'off',
    lifecycleObserver: { onWarmup: (report) => reports.push(report) },
    batchingObserver: { onRun: (run) => runs.push(run) },
  });
  servers.push(server);
  await server.start();
  const [status] = server.status(model.name);
  return { server, reports, runs, status, error: status?.error ?? status?.retry?.error };
}

const x = (...values: number[]) => ({ x: tensor('float32', [values.length], values) });

/** The bytes of a tf.Example with float lists. */
function example(features: Readonly<Record<string, readonly number[]>>): Uint8Array {
  const sink = new ByteSink();
  sink.message(1, (all) => {
    for (const [name, values] of Object.entries(features)) {
      all.message(1, (entry) =>
        entry
          .text(1, name)
          .message(2, (feature) =>
            feature.message(2, (list) => list.field(1, new Uint8Array(Float32Array.from(values).buffer))),
          ),
      );
    }
  });
  return sink.written;
}

/** A PredictionLog with examples: 2 classify, 3 regress, 4 multi-inference of both signatures. */
function exampleLog(kind: 2 | 3 | 4, signature: string, ...examples: Uint8Array[]): Uint8Array {
  const input = (to: ByteSink) =>
    to.message(2, (it) =>
      it.message(1, (list) => {
        for (const each of examples) list.field(1, each);
      }),
    );
  const spec = (to: ByteSink, name: string) => to.message(1, (it) => it.text(1, 'm').text(3, name));
  const sink = new ByteSink().message(kind, (log) =>
    log.message(1, (request) => {
      if (kind !== 4) spec(request, signature);
      else for (const name of [signature, 'other']) request.message(1, (task) => spec(task, name));
      input(request);
    }),
  );
  return sink.written;
}

function writeRecords(directory: string, ...records: Uint8Array[]): void {
  mkdirSync(join(directory, 'assets.extra'), { recursive: true });
  writeFileSync(
    join(directory, 'assets.extra', 'tf_serving_warmup_requests'),
    Buffer.concat(records.map(frameRecord)),
  );
}

const signatures = JSON.stringify({
  serving_default: { method: 'predict', inputs: { x: 'x' }, outputs: { y: 'y' } },
  other: { method: 'regress', inputs: { x: 'x' }, outputs: { outputs: 'y' } },
});

describe('a version with a warm-up file', () => {
  it('is run with what the file holds before it is available', async () => {
    const { directory, ...model } = addModel();
    await writeWarmupFile(directory, [{ inputs: x(1) }, { inputs: x(1, 2), outputs: ['y'] }]);
    const { reports, status } = await serve(model);
    expect(status?.state).toBe('AVAILABLE');
    expect(reports).toMatchObject([{ id: { model: model.name, version: 1 }, requests: 2, runs: 2 }]);
  });

  it('is run as often as was asked for, at every allowed batch size, through the batches', async () => {
    const { directory, ...model } = addModel();
    await writeWarmupFile(directory, [{ inputs: x(1, 2, 3) }]);
    const batching = { maxBatchSize: 8, allowedBatchSizes: [1, 4, 8] };
    const { reports, runs } = await serve({ ...model, batching, numRequestIterations: 2 });
    expect(reports).toMatchObject([{ requests: 1, runs: 8 }]);
    expect(runs.map(({ rows }) => rows)).toEqual([3, 3, 1, 1, 4, 4, 8, 8]);
  });

  it('is run with examples, by each signature that they are for', async () => {
    const { directory, ...model } = addModel(authored.linear(1, 1), { 'signatures.json': signatures });
    const one = example({ x: [1], unknown: [2, 3] });
    writeRecords(
      directory,
      exampleLog(2, 'serving_default', one),
      exampleLog(3, 'other', one, example({ x: [2] })),
      exampleLog(4, 'serving_default', one),
    );
    const { reports, error } = await serve(model);
    expect(error).toBeUndefined();
    expect(reports).toMatchObject([{ requests: 4, runs: 4 }]);
  });

  it('is not loaded where that fails, and says why', async () => {
    const { directory, ...model } = addModel();
    await writeWarmupFile(directory, [{ inputs: { x: tensor('int8', [1], [1]) } }]);
    const { error, reports, server } = await serve(model);
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      id: { model: model.name, version: 1 },
      input: 'x',
    });
    expect(reports).toMatchObject([{ requests: 1, runs: 0, error: { code: 'INVALID_ARGUMENT' } }]);
    expect(server.isReady({ model: model.name })).toBe(false);
  });

  it.each<[string, Uint8Array, string]>([
    [
      'a missing feature',
      exampleLog(2, 'serving_default', example({ z: [1] })),
      'Cannot use feature "x" of example 0: it is missing',
    ],
    [
      'too many values',
      exampleLog(2, 'serving_default', example({ x: [1, 2] })),
      'Cannot use feature "x" of example 0: it has 2 values',
    ],
    ['no examples', exampleLog(2, 'serving_default'), 'Input is empty.'],
  ])('is not loaded for %s', async (_what, record, message) => {
    const { directory, ...model } = addModel();
    writeRecords(directory, record);
    const { error } = await serve(model);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) });
  });

  it('is not loaded with more than 1000 records', async () => {
    const { directory, ...model } = addModel();
    await writeWarmupFile(directory, new Array<WarmupRequest>(1000).fill({ inputs: x(1) }));
    const path = join(directory, 'assets.extra', 'tf_serving_warmup_requests');
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.concat([bytes, bytes.subarray(0, bytes.length / 1000)]));
    const { error } = await serve(model);
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Number of warmup records exceeds the maximum (1000) at ${path}`,
    });
  });

  it('is loaded without a run where that is switched off, and where the file is empty', async () => {
    const { directory, ...model } = addModel();
    writeRecords(directory, Buffer.from('not a log'));
    expect((await serve({ ...model, warmup: 'off' })).status?.state).toBe('AVAILABLE');
    const other = addModel();
    writeRecords(other.directory);
    const { status, reports } = await serve({ name: other.name, basePath: other.basePath });
    expect([status?.state, reports]).toEqual(['AVAILABLE', []]);
  });

  it('is checked for batching with the rows of the file', async () => {
    // Ids beyond its table fail: none could be made up by chance beyond 9.
    const { directory, ...model } = addModel(authored.gatherTable());
    await writeWarmupFile(directory, [{ inputs: { ids: tensor('int64', [3], [7, 8, 9]) } }]);
    const { status, runs } = await serve({ ...model, batching: { maxBatchSize: 4 } });
    expect([status?.batching, runs.length]).toEqual([{ isOn: true }, 1]);
  });
});

describe('a synthetic warm-up', () => {
  it.each<[string, Uint8Array]>([
    ['a batch of floats', authored.linear()],
    ['ids of a table', authored.gatherTable()],
    ['every dtype', authored.passthrough()],
    ['a scalar and a row', authored.spin()],
  ])('makes up %s', async (_what, bytes) => {
    const { directory: _directory, ...model } = addModel(bytes);
    const { reports, status } = await serve({ ...model, warmup: 'synthetic' });
    expect(status?.state).toBe('AVAILABLE');
    expect(reports).toMatchObject([{ requests: 1, runs: 1 }]);
  });

  it('makes up a request for each signature, and runs each allowed batch size', async () => {
    const { directory: _directory, ...model } = addModel(authored.linear(1, 1), {
      'signatures.json': signatures,
    });
    const batching = { maxBatchSize: 4, allowedBatchSizes: [1, 2, 4] };
    const { reports } = await serve({ ...model, batching, warmup: 'synthetic' });
    expect(reports).toMatchObject([{ requests: 2, runs: 6 }]);
  });

  it('gives way to a file', async () => {
    const { directory, ...model } = addModel();
    await writeWarmupFile(directory, [{ inputs: x(1) }, { inputs: x(2) }]);
    expect((await serve({ ...model, warmup: 'synthetic' })).reports).toMatchObject([{ requests: 2 }]);
  });
});

describe('writeWarmupFile', () => {
  it('refuses more requests than may be loaded', async () => {
    const requests = new Array<WarmupRequest>(1001).fill({ inputs: x(1) });
    expect(await rejection(writeWarmupFile(join(folder, 'many'), requests))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('says so where it cannot write', async () => {
    const path = join(folder, 'a file');
    writeFileSync(path, '');
    expect(await rejection(writeWarmupFile(path, [{ inputs: x(1) }]))).toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('a version on a device, with no warm-up file', () => {
  const path = folder;
  const plan = { warmup: 'file', numRequestIterations: 1, batchSizes: [2, 4] } as const;
  class OnDevice extends ScriptedServable {
    readonly device = { devices: ['cuda:0', 'cuda:1'] };
    readonly everywhere: number[] = [];
    async runEverywhere({ inputs }: RunRequest): Promise<void> {
      this.everywhere.push(inputs.x?.shape[0] ?? 0);
    }
  }
  const warmUp = async (servable: Servable, warmup: WarmupPlan['warmup'] = 'file') => {
    const reports: WarmupReport[] = [];
    const loader = new WarmupLoader({
      loader: { load: async () => servable },
      plan: () => ({ ...plan, warmup }),
      onWarmup: (report) => reports.push(report),
    });
    return { loaded: loader.load(servable.id, path), reports };
  };

  it('is run with made-up inputs at every allowed size, on each of its devices', async () => {
    const servable = new OnDevice();
    const { loaded, reports } = await warmUp(servable);
    expect(await loaded).toBe(servable);
    expect(reports).toMatchObject([{ requests: 1, runs: 3 }]);
    expect(servable.runs.map(({ rows }) => rows)).toEqual([1, 1, 2, 4]); // the first finds out whether it runs
    expect(servable.everywhere).toEqual([1, 2, 4]);
  });

  it('is served although no made-up inputs fit', async () => {
    const servable = new OnDevice({ failsOn: () => new ServingError('INVALID_ARGUMENT', 'no such row') });
    const { loaded, reports } = await warmUp(servable);
    expect(await loaded).toBe(servable);
    expect([servable.unloads, reports]).toEqual([0, []]);
  });

  it('is left alone where warm-ups are off', async () => {
    const servable = new OnDevice();
    await (await warmUp(servable, 'off')).loaded;
    expect(servable.runs).toEqual([]);
  });
});
