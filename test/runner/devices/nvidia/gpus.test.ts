import { listDevices, OrtEngine } from 'servable';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Gpus } from '#dist/runner/devices/nvidia/gpus.js';
import { visibleGpus } from '#dist/runner/devices/nvidia/visible-gpus.js';
import { fakeNvidia, gib, missingForFakeNvidia } from '../../../support/fake-nvidia.js';
import * as authored from '../../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../../support/onnx/model-folder.js';
import { rejection } from '../../../support/rejection.js';
import { serveForTest } from '../../../support/server.js';

const folder = temporaryFolder();
const missing = missingForFakeNvidia();

describe('a machine without NVIDIA’s driver', () => {
  const nowhere = { nvml: 'libnvidia-nowhere.so.1', cuda: 'libnvidia-nowhere.so.1' };

  it('is complained of by nobody who has not asked for a GPU', async () => {
    const basePath = writeModel(folder, 'linear', 1, authored.linear());
    const server = await serveForTest({ models: [{ name: 'linear', basePath }], nvidiaLibraries: nowhere });
    expect(server.snapshot().gpus).toEqual([]);
    expect(await server.metrics.collect()).not.toContain('servable_device_memory_used_bytes{');
  });

  it('says which library is missing, and looks again the next time', async () => {
    const engine = new OrtEngine({ nvidiaLibraries: nowhere });
    engine.start();
    onTestFinished(() => engine.close());
    for (let attempt = 0; attempt < 2; attempt++) {
      expect((await rejection(engine.gpus())).message).toMatch(/^libnvidia-nowhere\.so\.1: cannot open/);
    }
    expect(engine.gpuStatuses).toEqual([]);
  });
});

if (missing !== undefined) {
  it.skipIf(true)(`GPUs of a driver that is not there (skipped: ${missing})`, () => {});
} else {
  describe('GPUs', () => {
    const open = async (fake = fakeNvidia()) => {
      const gpus = new Gpus(fake.libraries, async () => visibleGpus(fake.libraries));
      onTestFinished(() => gpus.close());
      return { fake, gpus };
    };

    it('have the index that CUDA has for them, and the handle of NVML', async () => {
      const { gpus } = await open();
      expect(await gpus.list()).toEqual({
        driverVersion: '570.86.15',
        cudaVersion: '12.8',
        gpus: [
          { index: 0, handle: 101n, name: 'Imaginary 101', uuid: 'GPU-01020304-0506-0708-090a-0b0c0d0e0f10' },
          { index: 1, handle: 100n, name: 'Imaginary 100', uuid: 'GPU-00010203-0405-0607-0809-0a0b0c0d0e0f' },
        ],
      });
    });

    it('say what they have to do, as of now', async () => {
      const { fake, gpus } = await open();
      await gpus.list();
      const [first] = gpus.statuses();
      expect(first).toEqual({
        device: 'cuda:0',
        name: 'Imaginary 101',
        uuid: 'GPU-01020304-0506-0708-090a-0b0c0d0e0f10',
        memoryTotalBytes: 8 * gib,
        memoryUsedBytes: gib,
        utilization: 0.25,
      });
      fake.setUsed(7 * gib);
      expect(gpus.statuses()[0]?.memoryUsedBytes).toBe(7 * gib);
      fake.setFault('nvmlDeviceGetUtilizationRates', 3); // as in a virtual machine with a slice of a GPU
      expect(gpus.statuses()[0]?.utilization).toBeUndefined();
    });

    it('are left out while their driver does not answer', async () => {
      const { fake, gpus } = await open();
      await gpus.list();
      fake.setFault('nvmlDeviceGetMemoryInfo', 15);
      expect(gpus.statuses()).toEqual([]);
      fake.setFault('nvmlDeviceGetMemoryInfo', 0);
      expect(gpus.statuses()).toHaveLength(2);
    });

    it('that CUDA does not show are not there', async () => {
      const { gpus } = await open(fakeNvidia({ hidden: true }));
      expect((await gpus.list()).gpus).toEqual([]);
      const error = await rejection(gpus.get(0));
      expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', actual: '0 GPUs' });
      expect(error.message).toMatch(
        /^There is no cuda:0: CUDA has 0 GPUs in this process \(CUDA_VISIBLE_DEVICES/,
      );
    });

    it('are none where CUDA finds no device', async () => {
      const { fake, gpus } = await open();
      fake.setFault('cuInit', 100);
      expect((await gpus.list()).gpus).toEqual([]);
    });

    it('whose driver fails are told with its words, and NVML is given back', async () => {
      const { fake, gpus } = await open();
      fake.setFault('nvmlInit_v2', 9);
      await expect(gpus.list()).rejects.toThrow('nvmlInit_v2: Driver Not Loaded');
      fake.setFault('nvmlInit_v2', 0);
      fake.setFault('cuInit', 35);
      await expect(gpus.list()).rejects.toThrow('cuInit: error 35');
      expect(fake.initialised()).toBe(0);
    });

    it('keep NVML initialised once, until they are closed', async () => {
      const { fake, gpus } = await open();
      await Promise.all([gpus.list(), gpus.list()]);
      await gpus.list();
      expect(fake.initialised()).toBe(1);
      gpus.close();
      expect(fake.initialised()).toBe(0);
    });
  });

  describe('a server on a machine with GPUs and no CUDA', () => {
    const basePath = writeModel(folder, 'linear', 1, authored.linear());
    const linear = { name: 'linear', basePath, device: 'cuda:0' as const };
    const installProviders =
      /onnxruntime-node was installed without libonnxruntime_providers_shared\.so; to mend it: ONNX/;

    it('tells what its GPUs have to do, from the moment a model is to run there', async () => {
      const { libraries } = fakeNvidia();
      const server = await serveForTest({
        models: [{ ...linear, fallback: 'cpu' }],
        nvidiaLibraries: libraries,
      });
      expect(server.snapshot().gpus).toMatchObject([{ device: 'cuda:0' }, { device: 'cuda:1' }]);
      const text = await server.metrics.collect();
      expect(text).toContain(`servable_device_memory_total_bytes{device="cuda:0"} ${8 * gib}`);
      expect(text).toContain(`servable_device_memory_used_bytes{device="cuda:0"} ${gib}`);
      expect(text).toContain('servable_device_utilization_ratio{device="cuda:0"} 0.25');
      expect(text).toContain('servable_device_utilization_ratio{device="cuda:1"} 0');
    });

    it('refuses a device of which there are fewer', async () => {
      const { libraries } = fakeNvidia();
      const models = [{ ...linear, device: 'cuda:2' as const }];
      const server = await serveForTest({ models, nvidiaLibraries: libraries, gpuMemoryFraction: 0.5 });
      expect(server.status('linear')[0]?.error?.message).toMatch(
        /^Cannot load linear@1: There is no cuda:2: CUDA has 2 GPUs/,
      );
    });

    it('refuses weights for which the GPU has no room now, before it tries', async () => {
      const fake = fakeNvidia();
      fake.setUsed(8 * gib - 1000);
      const heavy = writeModel(folder, 'heavy', 1, authored.heavy(1).model as Uint8Array);
      const models = [
        { name: 'heavy', basePath: heavy, device: 'cuda:0' as const, fallback: 'cpu' as const },
      ];
      const server = await serveForTest({ models, nvidiaLibraries: fake.libraries });
      const [status] = server.status('heavy');
      expect(status).toMatchObject({ state: 'END', error: { code: 'RESOURCE_EXHAUSTED', reason: 'memory' } });
      expect(status?.error?.message).toMatch(
        /^Cannot load heavy@1: its weights need 1\d{6} bytes, and 1000 of cuda:0's 8589934592 are free$/,
      );
    });

    it('refuses weights above a limit of the model’s own', async () => {
      const { libraries } = fakeNvidia();
      const heavy = writeModel(folder, 'heavy', 1, authored.heavy(1).model as Uint8Array);
      const models = [
        { name: 'heavy', basePath: heavy, device: 'cuda:0' as const, gpuMemoryLimitBytes: 1000 },
      ];
      const server = await serveForTest({ models, nvidiaLibraries: libraries });
      expect(server.status('heavy')[0]?.error?.message).toMatch(
        /^Cannot load heavy@1: its weights need 1\d{6} bytes, and 1000 of gpuMemoryLimitBytes 1000 are free$/,
      );
    });

    it('takes a limit of a model’s own or a part of the GPU for all, not both', async () => {
      const { libraries } = fakeNvidia();
      const models = [{ ...linear, gpuMemoryLimitBytes: gib }];
      const server = await serveForTest({ models, nvidiaLibraries: libraries, gpuMemoryFraction: 0.5 });
      expect(server.status('linear')).toMatchObject([{ error: { code: 'INVALID_ARGUMENT' } }]);
    });

    it.each([{ gpuMemoryFraction: 0.5 }, {}])(
      'says which library of onnxruntime is missing (%o)',
      async (limits) => {
        const { libraries } = fakeNvidia();
        const server = await serveForTest({ models: [linear], nvidiaLibraries: libraries, ...limits });
        const [status] = server.status('linear');
        expect(status).toMatchObject({ state: 'END', error: { code: 'FAILED_PRECONDITION' } });
        expect(status?.error?.message).toMatch(installProviders);
      },
    );

    it('lists each GPU, with what stands in the way', async () => {
      const { libraries } = fakeNvidia();
      const reports = await listDevices({ nvidiaLibraries: libraries });
      const nvidia = reports.filter(({ gpu }) => gpu !== undefined);
      expect(nvidia.map(({ device }) => device)).toEqual(['cuda:0', 'tensorrt:0', 'cuda:1', 'tensorrt:1']);
      expect(nvidia[0]).toMatchObject({
        isAvailable: false,
        problems: [{ reason: expect.stringContaining('onnxruntime-node was installed without') }],
        gpu: { name: 'Imaginary 101', driverVersion: '570.86.15', cudaVersion: '12.8', memoryUsedBytes: gib },
      });
    });

    it('says that CUDA shows none of them', async () => {
      const { libraries } = fakeNvidia({ hidden: true });
      const reports = await listDevices({ nvidiaLibraries: libraries });
      const cuda = reports.find(({ device }) => device === 'cuda');
      expect(cuda?.problems[0]).toMatchObject({
        reason: 'CUDA has no such device in this process',
        fix: expect.stringContaining('CUDA_VISIBLE_DEVICES'),
      });
    });
  });
}
