import { join } from 'node:path';
import { ModelServer, tensor } from 'servable';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
writeModel(folder, 'linear', 1, authored.linear(1, 1));
writeModel(folder, 'linear', 2, new Uint8Array([1]));

const x = tensor('float32', [2], [1, 2]);

describe('a snapshot', () => {
  it('holds all that a status page shows, and JSON can hold it', async () => {
    const linear = {
      name: 'linear',
      basePath: join(folder, 'linear'),
      versionPolicy: 'all' as const,
      labels: { stable: 1 },
      batching: { maxBatchSize: 8 },
    };
    const missing = { name: 'missing', basePath: join(folder, 'missing') };
    const server = new ModelServer({ models: [linear, missing], pollIntervalMs: 0, memoryBudgetBytes: 1e9 });
    onTestFinished(() => server.close());
    expect(server.snapshot()).toMatchObject({ state: 'new', isReady: false, models: [{}, {}] });
    await server.start();
    await server.predict('linear', { x });
    await rejection(server.predict('linear', {}));
    const snapshot = server.snapshot();
    const durations = {
      count: 1,
      meanMs: expect.any(Number),
      p50Ms: expect.any(Number),
      p90Ms: expect.any(Number),
      p99Ms: expect.any(Number),
    };
    const none = { requests: {}, rows: 0, executions: 0 };
    expect(snapshot).toEqual({
      atMs: expect.any(Number),
      state: 'serving',
      startedAtMs: expect.any(Number),
      isReady: false,
      runtime: {
        servable: expect.stringMatching(/^\d+\.\d+/),
        onnxruntime: expect.stringMatching(/^1\./),
        node: process.version,
        cpus: expect.any(Number),
      },
      models: [
        {
          name: 'linear',
          basePath: join(folder, 'linear'),
          versionPolicy: 'all',
          isReady: true,
          labels: [{ label: 'stable', version: 1, current: 1 }],
          versions: [
            {
              version: 2,
              state: 'END',
              reason: expect.stringMatching(/^linear@2 could not be loaded/),
              sinceMs: expect.any(Number),
              error: { code: 'DATA_LOSS', message: expect.stringContaining('Cannot load linear@2') },
              inFlight: 0,
              traffic: none,
            },
            {
              version: 1,
              state: 'AVAILABLE',
              reason: 'linear@1 is serving',
              sinceMs: expect.any(Number),
              batching: { isOn: true },
              device: { devices: ['cpu'] },
              signatures: {
                serving_default: {
                  method: 'predict',
                  inputs: { x: 'float32 [batch]' },
                  outputs: { y: 'float32 [batch]' },
                },
              },
              memoryBytes: expect.any(Number),
              inFlight: 0,
              waiting: { requests: 0, rows: 0, batches: 0 },
              traffic: {
                requests: { OK: 1, INVALID_ARGUMENT: 1 },
                rows: 2,
                executions: 1,
                meanBatchRows: 2,
                latency: durations,
                queueWait: durations,
                execution: durations,
              },
            },
          ],
        },
        {
          name: 'missing',
          basePath: join(folder, 'missing'),
          versionPolicy: { latest: 1 },
          isReady: false,
          labels: [],
          warning: { code: 'NOT_FOUND', message: expect.any(String) },
          versions: [],
        },
      ],
      threads: {
        batch: { size: expect.any(Number), started: 1, busy: 0, waiting: 0 },
        load: { size: expect.any(Number), started: expect.any(Number), busy: 0, waiting: 0 },
      },
      memory: {
        usedBytes: expect.any(Number),
        budgetBytes: 1e9,
        residentBytes: expect.any(Number),
        heapUsedBytes: expect.any(Number),
      },
      gpus: [],
      arenas: {},
      eventLoopDelays: {},
      lastChanges: {},
    });
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
  });

  it('shows what is no longer configured for a while, and what is left when the server is closed', async () => {
    const linear = { name: 'linear', basePath: join(folder, 'linear'), versionPolicy: { specific: [1] } };
    const server = new ModelServer({ models: [linear], pollIntervalMs: 0 });
    onTestFinished(() => server.close());
    await server.start();
    await server.reconfigure([]);
    expect(server.snapshot()).toMatchObject({
      isReady: true,
      lastChanges: { call: { isGood: true, atMs: expect.any(Number) } },
      models: [{ name: 'linear', isReady: false, versions: [{ version: 1, state: 'END' }] }],
    });
    expect(server.snapshot().models[0]).not.toHaveProperty('basePath');
    await server.close();
    const closed = server.snapshot();
    expect(closed.state).toBe('closed');
    expect(closed).not.toHaveProperty('threads');
    expect(closed.isReady).toBe(false);
  });
});
