import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModelServer, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { linear } from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { settled } from '../support/server.js';

const folder = temporaryFolder();
const parameters = 'batching_params.pbtxt';

describe('a model whose versions say themselves how their requests share runs', () => {
  it('batches those that have a file, by it, and no others', async () => {
    const basePath = writeModel(folder, 'mixed', 1, linear());
    writeModel(folder, 'mixed', 2, linear(), {
      [parameters]: 'max_batch_size { value: 3 } num_batch_threads { value: 99 }',
    });
    const runs: (readonly [version: number, rows: number])[] = [];
    const server = await new ModelServer({
      models: [{ name: 'mixed', basePath, versionPolicy: 'all', batching: 'file' }],
      batchingObserver: { onRun: ({ id, rows }) => runs.push([id.version, rows]) },
    }).start();
    expect(server.status('mixed').map(({ batching }) => batching)).toEqual([{ isOn: true }, undefined]);
    const x = tensor('float32', [5], [1, 2, 3, 4, 5]);
    await expect(server.predict({ model: 'mixed', version: 2 }, { x })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT', // larger than a batch, which is not split: its file does not say so
    });
    await server.predict({ model: 'mixed', version: 2 }, { x: tensor('float32', [2], [1, 2]) });
    await server.predict({ model: 'mixed', version: 1 }, { x });
    expect(runs).toEqual([[2, 2]]);
    await server.close();
  });

  it('warms a version up at the sizes that its file allows', async () => {
    const basePath = writeModel(folder, 'sizes', 1, linear(), {
      [parameters]: 'max_batch_size { value: 4 } allowed_batch_sizes: 2 allowed_batch_sizes: 4',
    });
    const reports: number[] = [];
    const server = await new ModelServer({
      models: [{ name: 'sizes', basePath, batching: 'file', warmup: 'synthetic' }],
      lifecycleObserver: { onWarmup: ({ runs }) => reports.push(runs) },
    }).start();
    expect(reports).toEqual([3]); // one row, two, four
    await server.close();
  });

  it.each<[string, string, RegExp]>([
    [
      'cannot be understood',
      'max_batch_size: 3',
      /^Cannot load bad@1: Invalid protobuf file: '.*batching_params.pbtxt'/,
    ],
    [
      'does not fit together',
      'max_batch_size { value: 4 } allowed_batch_sizes: 3',
      /last entry was 3; expected 4/,
    ],
  ])('does not load a version whose file %s, until it is mended', async (_what, text, message) => {
    const basePath = writeModel(folder, 'bad', 1, linear(), { [parameters]: text });
    const server = await new ModelServer({
      models: [{ name: 'bad', basePath, batching: 'file' }],
      pollIntervalMs: 20,
      maxNumLoadRetries: 0,
    }).start();
    const id = { model: 'bad', version: 1 };
    expect((await settled(server, id)).error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
    const available = new Promise<void>((resolve) => {
      server.on('state', ({ state }) => state === 'AVAILABLE' && resolve());
    });
    writeFileSync(join(basePath, '1', parameters), 'max_batch_size { value: 4 }');
    await available;
    expect(server.status('bad')[0]?.batching).toEqual({ isOn: true });
    await server.close();
    rmSync(basePath, { recursive: true });
  });
});
