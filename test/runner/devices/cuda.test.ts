import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DeviceName, listDevices, type ModelServer, type Tensor, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { tensorDifference } from '../../support/compare.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';
import { askOracle } from '../../support/oracle.js';
import { rejection } from '../../support/rejection.js';
import { seededRandom } from '../../support/seeded-random.js';
import { serveForTest } from '../../support/server.js';

// On a machine with a GPU; elsewhere each group says why it was skipped.
const devices = await listDevices();
const folder = temporaryFolder();
const digits = 'examples/models/digits';
const close = { rtol: 1e-3, atol: 1e-4 };
const mebibyte = 2 ** 20;

function describeOn(device: DeviceName, body: () => void): void {
  const report = devices.find((each) => each.device === device);
  if (report?.isAvailable) {
    const { name, driverVersion, memoryTotalBytes } = report.gpu ?? {};
    console.log(`${device} is ${name} with ${memoryTotalBytes} bytes, driver ${driverVersion}`);
    describe(device, body);
    return;
  }
  const problems = (report ?? devices.find((each) => device.startsWith(each.device)))?.problems ?? [];
  const why = problems.map(({ reason }) => reason).join('; ') || 'there is none';
  it.skipIf(true)(`${device} (skipped: ${why})`, () => {});
}

const random = seededRandom(11);
const pixelsOf = (rows: number) =>
  tensor(
    'float32',
    [rows, 64],
    Float32Array.from({ length: rows * 64 }, () => random() * 16),
  );

/** Asks a version for digits, and compares with what the official binding answers on the CPU. */
async function checkDigits(server: ModelServer, rows: number): Promise<void> {
  const pixels = pixelsOf(rows);
  const { id, outputs } = await server.predict('digits', { pixels });
  const expected = await askOracle(`${digits}/${id.version}/model.onnx`, { pixels });
  expect(tensorDifference(outputs.probabilities, expected.probabilities as Tensor, close)).toBeUndefined();
}

describeOn('cuda:0', () => {
  const onGpu = {
    name: 'digits',
    basePath: digits,
    versionPolicy: { specific: [2] },
    device: 'cuda:0',
  } as const;
  const x = (count: number) => ({ x: tensor('float32', [count], new Float32Array(count).fill(1)) });

  it('answers as the CPU does, and says what ran where', async () => {
    const server = await serveForTest({ models: [onGpu] });
    await Promise.all([1, 3, 32, 5].map((rows) => checkDigits(server, rows)));
    const [status] = server.status('digits');
    console.log(status?.device);
    expect(status?.device).toMatchObject({ devices: ['cuda:0'], nodes: { cuda: expect.any(Number) } });
    expect(server.snapshot().gpus[0]?.memoryUsedBytes).toBeGreaterThan(0);
  });

  it('keeps all models within a part of its memory', async () => {
    const total = devices.find(({ device }) => device === 'cuda:0')?.gpu?.memoryTotalBytes as number;
    const gpuMemoryFraction = (512 * mebibyte) / total;
    const basePath = writeModel(folder, 'expanding', 1, authored.expanding());
    const large = writeModel(folder, 'large', 1, authored.heavy(600).model as Uint8Array);
    const server = await serveForTest({
      gpuMemoryFraction,
      models: [
        { name: 'expanding', basePath, device: 'cuda:0' },
        { name: 'large', basePath: large, device: 'cuda:0' },
        onGpu,
      ],
    });
    expect(server.status('large')).toMatchObject([{ error: { code: 'RESOURCE_EXHAUSTED' } }]);
    const neighbours = [1, 2, 3].map((rows) => checkDigits(server, rows));
    const error = await rejection(server.predict('expanding', x(1000)));
    console.log(error.message);
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'memory' });
    await Promise.all(neighbours);
    expect((await server.predict('expanding', x(8))).outputs.y?.shape).toEqual([8]);
    const arena = server.snapshot().arenas['cuda:0'];
    console.log(arena);
    expect(arena?.allocatedBytes).toBeLessThanOrEqual(arena?.limitBytes as number);
  });

  it('keeps a model within a limit of its own', async () => {
    const basePath = writeModel(folder, 'expanding', 1, authored.expanding());
    const server = await serveForTest({
      models: [{ name: 'expanding', basePath, device: 'cuda:0', gpuMemoryLimitBytes: 64 * mebibyte }],
    });
    const error = await rejection(server.predict('expanding', x(200)));
    console.log(error.message);
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'memory' });
    expect((await server.predict('expanding', x(8))).outputs.y?.shape).toEqual([8]);
  });

  it('answers by recorded runs as by others, whatever shapes and callers come', async () => {
    const server = await serveForTest({
      models: [
        { ...onGpu, cuda: { graphs: true }, batching: { maxBatchSize: 8, allowedBatchSizes: [2, 4, 8] } },
      ],
    });
    for (let round = 0; round < 5; round++)
      await Promise.all([1, 2, 3, 4, 8, 1, 7].map((rows) => checkDigits(server, rows)));
    await server.reconfigure([{ ...onGpu, versionPolicy: { specific: [1] }, cuda: { graphs: true } }]);
    for (const rows of [1, 2, 1]) await checkDigits(server, rows);
  });

  it('gives memory back when models go', async () => {
    const basePath = writeModel(folder, 'large', 1, authored.heavy(256).model as Uint8Array);
    const server = await serveForTest({ models: [onGpu, { name: 'large', basePath, device: 'cuda:0' }] });
    const before = server.snapshot().gpus[0]?.memoryUsedBytes as number;
    await server.reconfigure([onGpu]);
    const after = server.snapshot().gpus[0]?.memoryUsedBytes as number;
    console.log(`${before} bytes with a model of 256 MiB, ${after} without`);
    expect(after).toBeLessThan(before - 200 * mebibyte);
  });
});

describeOn('cuda:1', () => {
  it('shares a model with cuda:0', async () => {
    const device = ['cuda:0', 'cuda:1'] as const;
    const server = await serveForTest({ models: [{ name: 'digits', basePath: digits, device }] });
    expect(server.status('digits')[0]?.device?.devices).toEqual(device);
    await Promise.all(Array.from({ length: 20 }, (_, at) => checkDigits(server, 1 + (at % 4))));
  });
});

describeOn('tensorrt:0', () => {
  it('builds engines at load, keeps them, and answers as the CPU does', async () => {
    const cacheDirectory = temporaryFolder();
    const model = {
      name: 'digits',
      basePath: digits,
      versionPolicy: { specific: [2] },
      device: 'tensorrt:0',
      batching: { maxBatchSize: 8, allowedBatchSizes: [1, 4, 8] },
    } as const;
    const filesBuilt: string[][] = [];
    for (let time = 0; time < 2; time++) {
      const server = await serveForTest({ cacheDirectory, models: [model] });
      console.log(server.status('digits')[0]?.device);
      await Promise.all([1, 3, 8].map((rows) => checkDigits(server, rows)));
      const error = await rejection(server.predict('digits', { pixels: pixelsOf(0) }));
      expect(error.code).toBe('INVALID_ARGUMENT');
      await server.close();
      const files = readdirSync(join(cacheDirectory, 'tensorrt'), { recursive: true, encoding: 'utf8' });
      filesBuilt.push(files.filter((file) => file.endsWith('.engine')).sort());
    }
    console.log(filesBuilt[0]);
    expect(filesBuilt[0]?.length).toBeGreaterThan(0);
    expect(filesBuilt[1]).toEqual(filesBuilt[0]);
  });
});
