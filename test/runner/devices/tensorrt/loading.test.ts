import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelOnDisk, ModelServerOptions } from 'servable';
import { describe, expect, it } from 'vitest';
import { fakeNvidia, missingForFakeNvidia } from '../../../support/fake-nvidia.js';
import * as authored from '../../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../../support/onnx/model-folder.js';
import { serveForTest } from '../../../support/server.js';

const folder = temporaryFolder();
const linear = writeModel(folder, 'linear', 1, authored.linear());
const missing = missingForFakeNvidia();

/** A server of one model, and how that has ended. */
async function serveOne(model: Omit<ModelOnDisk, 'name'>, options: ModelServerOptions) {
  const server = await serveForTest({ models: [{ name: 'm', ...model }], ...options });
  return { server, status: server.status('m')[0] };
}

if (missing !== undefined) {
  it.skipIf(true)(`TensorRT's preparations (skipped: ${missing})`, () => {});
} else {
  describe('a model for TensorRT', () => {
    const nvidiaLibraries = fakeNvidia().libraries;

    it('has its folder of engines by GPU and versions before it is built', async () => {
      const cacheDirectory = temporaryFolder();
      const { status } = await serveOne(
        { basePath: linear, device: 'tensorrt:1', tensorrt: { fp16: true } },
        { cacheDirectory, nvidiaLibraries },
      );
      expect(status).toMatchObject({ state: 'END', error: { code: 'FAILED_PRECONDITION' } });
      expect(status?.error?.message).toMatch(
        /^Cannot load m@1: tensorrt:1 cannot be used: onnxruntime-node was/,
      );
      const [machine] = readdirSync(join(cacheDirectory, 'tensorrt'));
      expect(machine).toMatch(/^Imaginary_100-driver570\.86\.15-ort1\.\d+\.\d+-trtunknown$/);
      expect(readdirSync(join(cacheDirectory, 'tensorrt', machine as string))).toHaveLength(1);
    });

    it('keeps no folder where it is told to keep none', async () => {
      const cacheDirectory = temporaryFolder();
      await serveOne(
        { basePath: linear, device: 'tensorrt:0', tensorrt: { cacheDirectory: false } },
        { cacheDirectory, nvidiaLibraries },
      );
      expect(readdirSync(cacheDirectory)).not.toContain('tensorrt');
    });

    it('whose shapes are not known is refused before anything is built', async () => {
      const basePath = writeModel(folder, 'lengths', 1, authored.alongLength('ReduceMax', 'length'));
      const { status } = await serveOne({ basePath, device: 'tensorrt:0' }, { nvidiaLibraries });
      expect(status?.error).toMatchObject({ code: 'FAILED_PRECONDITION', input: 'x' });
      expect(status?.error?.message).toMatch(
        /TensorRT must know the shapes of input "x" before the first request/,
      );
    });

    it('takes any shape on the CPU, where that stands in for it', async () => {
      const { server, status } = await serveOne(
        { basePath: linear, device: 'tensorrt:0', fallback: 'cpu' },
        { nvidiaLibraries },
      );
      expect(status).toMatchObject({ state: 'AVAILABLE', device: { devices: ['cpu'] } });
      const x = { dtype: 'float32', shape: [500], data: new Float32Array(500) } as const;
      expect((await server.predict('m', { x })).outputs.y?.shape).toEqual([500]);
    });
  });
}
