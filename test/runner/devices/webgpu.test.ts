import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type ModelRun, type ModelServer, type Tensor, tensor } from 'servable';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tensorDifference } from '../../support/compare.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';
import { askOracle } from '../../support/oracle.js';
import { rejection } from '../../support/rejection.js';
import { seededRandom } from '../../support/seeded-random.js';
import { serveForTest } from '../../support/server.js';
import { provideVulkan } from '../../support/vulkan.js';

const missing = provideVulkan();
const folder = temporaryFolder();
const digits = 'examples/models/digits';
const close = { rtol: 1e-4, atol: 1e-5 };

/** Any seed that ever failed stays here. */
const seeds: readonly number[] = [Math.floor(Math.random() * 2 ** 31)];

if (missing !== undefined) {
  it.skipIf(true)(`WebGPU (skipped: ${missing})`, () => {});
} else {
  describe('WebGPU', () => {
    it('answers as the CPU does, and says where it ran', async () => {
      const server = await serveForTest({
        models: [{ name: 'digits', basePath: digits, versionPolicy: 'all', device: 'webgpu' }],
      });
      const random = seededRandom(7);
      const pixels = tensor(
        'float32',
        [5, 64],
        Float32Array.from({ length: 320 }, () => random() * 16),
      );
      for (const { id, state, device } of server.status('digits')) {
        expect([state, device?.devices, device?.fallback]).toEqual(['AVAILABLE', ['webgpu'], undefined]);
        const { outputs } = await server.predict(id, { pixels });
        const expected = await askOracle(`${digits}/${id.version}/model.onnx`, { pixels });
        expect(
          tensorDifference(outputs.probabilities, expected.probabilities as Tensor, close),
        ).toBeUndefined();
        expect(outputs.label?.data).toEqual(expected.label?.data);
      }
      const text = await server.metrics.collect();
      expect(text).toContain('servable_version_device{model="digits",version="2",device="webgpu"} 1');
      expect(text).not.toContain('servable_device_fallback{');
    });

    it.each(seeds)(
      'never runs two sessions at once, of all servers in the process (seed %i)',
      async (seed) => {
        const random = seededRandom(seed);
        const model = { basePath: digits, versionPolicy: 'all' as const, device: 'webgpu' as const };
        const [one, other] = await Promise.all([
          serveForTest({
            models: [
              { ...model, name: 'a' },
              { ...model, name: 'b', batching: { maxBatchSize: 4 } },
            ],
          }),
          serveForTest({ models: [{ ...model, name: 'a' }] }),
        ]);
        const ask = async (at: number) => {
          const rows = 1 + Math.floor(random() * 3);
          const pixels = tensor(
            'float32',
            [rows, 64],
            Float32Array.from({ length: rows * 64 }, () => random() * 16),
          );
          const [server, name] = [
            [one, 'a'],
            [one, 'b'],
            [other, 'a'],
          ][at % 3] as [ModelServer, string];
          const version = 1 + (at % 2);
          const { outputs } = await server.predict({ model: name, version }, { pixels });
          const expected = await askOracle(`${digits}/${version}/model.onnx`, { pixels });
          expect(
            tensorDifference(outputs.probabilities, expected.probabilities as Tensor, close),
          ).toBeUndefined();
        };
        await Promise.all(Array.from({ length: 60 }, (_, at) => ask(at)));
      },
    );

    it('loads and unloads while it runs', async () => {
      const server = await serveForTest({
        models: [{ name: 'digits', basePath: digits, versionPolicy: { specific: [2] }, device: 'webgpu' }],
      });
      const pixels = tensor('float32', [1, 64], new Float32Array(64));
      const asked = Array.from({ length: 30 }, () => server.predict('digits', { pixels }));
      for (const version of [1, 3, 2]) {
        await server.reconfigure([
          { name: 'digits', basePath: digits, versionPolicy: { specific: [version] }, device: 'webgpu' },
        ]);
        asked.push(server.predict('digits', { pixels }));
      }
      const answers = await Promise.all(asked);
      expect(answers.map(({ id }) => id.version).slice(-3)).toEqual([1, 3, 2]);
    });

    it('ends runs that wait for their turn when their callers have gone', async () => {
      const server = await serveForTest({ models: [{ name: 'digits', basePath: digits, device: 'webgpu' }] });
      const pixels = tensor('float32', [1, 64], new Float32Array(64));
      const abort = new AbortController();
      const asked = Array.from({ length: 20 }, () =>
        server.predict('digits', { pixels }, { signal: abort.signal }).catch((error) => error.code),
      );
      const good = server.predict('digits', { pixels });
      abort.abort();
      expect(new Set(await Promise.all(asked))).toEqual(new Set(['CANCELLED']));
      expect((await good).outputs.label?.shape).toEqual([1]);
    });

    it('takes models that it runs in part, and says what the CPU does of them', async () => {
      const basePath = writeModel(folder, 'mixed', 1, authored.passthrough(['float32', 'string']));
      const server = await serveForTest({ models: [{ name: 'mixed', basePath, device: 'webgpu' }] });
      expect(server.status('mixed')).toMatchObject([
        { state: 'AVAILABLE', device: { devices: ['webgpu'], nodes: { cpu: 1 } } },
      ]);
      const inputs = {
        in_float32: tensor('float32', [1, 2], [1.5, -2]),
        in_string: tensor('string', [1, 2], ['a', 'b']),
      };
      const { outputs } = await server.predict('mixed', inputs);
      expect([outputs.out_float32, outputs.out_string]).toEqual([inputs.in_float32, inputs.in_string]);
    });

    it('refuses a model of which it runs nothing, unless the CPU may', async () => {
      const basePath = writeModel(folder, 'strings', 1, authored.strings());
      const refused = await serveForTest({ models: [{ name: 'strings', basePath, device: 'webgpu' }] });
      expect(refused.status('strings')).toMatchObject([
        { state: 'END', error: { code: 'FAILED_PRECONDITION' } },
      ]);
      expect(refused.status('strings')[0]?.error?.message).toMatch(
        /^Cannot load strings@1: webgpu can run none of its \d+ operators$/,
      );
      const served = await serveForTest({
        models: [{ name: 'strings', basePath, device: 'webgpu', fallback: 'cpu' }],
      });
      expect(served.status('strings')).toMatchObject([
        {
          state: 'AVAILABLE',
          device: { devices: ['cpu'], fallback: expect.stringMatching(/^webgpu can run none of its/) },
        },
      ]);
    });

    it('shares a model with the CPU: a run goes to whichever has less to do', async () => {
      const ran: string[] = [];
      const onRun = (run: unknown) => ran.push((run as ModelRun).device);
      subscribe('tracing:servable:run:start', onRun);
      onTestFinished(() => void unsubscribe('tracing:servable:run:start', onRun));
      const server = await serveForTest({
        models: [{ name: 'digits', basePath: digits, device: ['cpu', 'webgpu'], warmup: 'synthetic' }],
      });
      expect(server.status('digits')).toMatchObject([{ device: { devices: ['cpu', 'webgpu'] } }]);
      const pixels = tensor('float32', [2, 64], new Float32Array(128).fill(3));
      const answers = await Promise.all(
        Array.from({ length: 40 }, () => server.predict('digits', { pixels })),
      );
      const [first] = answers;
      for (const { outputs } of answers) {
        const expected = first?.outputs.probabilities as Tensor;
        expect(tensorDifference(outputs.probabilities, expected, close)).toBeUndefined();
      }
      expect(new Set(ran.slice(-40))).toEqual(new Set(['cpu', 'webgpu']));
    });

    it('warms a model up on each of its devices', async () => {
      const ran: string[] = [];
      const onRun = (run: unknown) => ran.push((run as ModelRun).device);
      subscribe('tracing:servable:run:start', onRun);
      onTestFinished(() => void unsubscribe('tracing:servable:run:start', onRun));
      await serveForTest({
        models: [
          {
            name: 'digits',
            basePath: digits,
            device: ['cpu', 'webgpu'],
            warmup: 'synthetic',
            batching: { maxBatchSize: 4, allowedBatchSizes: [2, 4], batchSafety: 'trust' },
          },
        ],
      });
      expect(ran.filter((device) => device === 'webgpu').length).toBeGreaterThanOrEqual(3);
    });

    it('refuses a bad request as the CPU does, and goes on', async () => {
      const server = await serveForTest({ models: [{ name: 'digits', basePath: digits, device: 'webgpu' }] });
      const wrong = await rejection(
        server.predict('digits', { pixels: tensor('float32', [2, 3], new Float32Array(6)) }),
      );
      expect(wrong.code).toBe('INVALID_ARGUMENT');
      const pixels = tensor('float32', [1, 64], new Float32Array(64));
      expect((await server.predict('digits', { pixels })).outputs.label?.shape).toEqual([1]);
    });
  });
}
