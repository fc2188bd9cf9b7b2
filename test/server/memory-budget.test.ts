import { join } from 'node:path';
import { type ModelOnDisk, type ModelOptions, ModelServer, tensor } from 'servable';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const model = (name: string): ModelOnDisk => ({
  name,
  // 100,000 bytes beside the model are counted as what they would be if they were its weights.
  basePath: writeModel(folder, name, 1, authored.linear(), { 'notes.bin': Buffer.alloc(100_000) }),
});
const [first, second] = [model('first'), model('second')] as const;
const x = { x: tensor('float32', [1], [1]) };

const servers: ModelServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
async function serve(memoryBudgetBytes: number, ...models: ModelOptions[]) {
  const clock = new FakeClock();
  const server = new ModelServer({ models, memoryBudgetBytes, pollIntervalMs: 0, clock });
  servers.push(server);
  return await server.start();
}

describe('memoryBudgetBytes', () => {
  it('refuses a model that cannot fit, by name, before it is loaded, and serves the others', async () => {
    const server = await serve(119_000, first, { ...second, basePath: join(folder, 'second') });
    const states = ['first', 'second'].map((name) => server.status(name)[0]);
    expect(states).toMatchObject([
      {
        state: 'LOADING',
        retry: { error: { code: 'RESOURCE_EXHAUSTED', id: { model: 'first', version: 1 } } },
      },
      { state: 'LOADING', retry: { error: { code: 'RESOURCE_EXHAUSTED' } } },
    ]);
    expect((await rejection(server.predict('first', x))).cause).toMatchObject({
      message: expect.stringMatching(
        /^Insufficient resources to load servable \{name: first version: 1\}: it needs some 12\d{4}(\.\d+)? bytes, and 119000 of/,
      ),
    });
  });

  it('counts what is loaded as what was measured, which makes room', async () => {
    const server = await serve(250_000, first, second);
    expect((await server.predict('second', x)).id.version).toBe(1);
    expect(server.status('first')[0]?.memoryBytes).toBeLessThan(100_000);
  });
});
