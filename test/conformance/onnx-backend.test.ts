import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { ModelServer } from 'servable';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Tolerance, tensorDifference } from '../support/compare.js';
import { readTensorFiles } from '../support/model-cases.js';
import { temporaryFolder } from '../support/onnx/model-folder.js';
import { settled } from '../support/server.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';

const archive = 'onnx-backend/onnx-node-public.tar.gz';
const manifest = 'onnx-backend/onnx-node-public.manifest.json';

interface Manifest {
  readonly tolerance: Readonly<Record<string, Tolerance>>;
  readonly tests: readonly {
    readonly name: string;
    readonly tolerance: string;
    readonly inputs: readonly { readonly name: string }[];
    readonly outputs: readonly { readonly name: string }[];
  }[];
}

describeShared("ONNX's operator tests, all in one server", [archive, manifest], () => {
  const { tests, tolerance } = JSON.parse(readFileSync(join(sharedFolder, manifest), 'utf8')) as Manifest;
  const unpacked = join(temporaryFolder(), 'unpacked');
  const base = join(unpacked, 'models');
  let server: ModelServer;

  beforeAll(async () => {
    mkdirSync(base, { recursive: true });
    execFileSync('tar', ['-xzf', join(sharedFolder, archive), '-C', unpacked, '--strip-components=1']);
    for (const { name } of tests) {
      mkdirSync(join(base, name));
      renameSync(join(unpacked, name), join(base, name, '1'));
    }
    const models = tests.map(({ name }) => ({ name, basePath: join(base, name) }));
    server = await new ModelServer({ models }).start();
  }, 240_000);
  afterAll(() => server?.close());

  it.each(tests.map((test) => [test.name, test] as const))('%s', async (name, test) => {
    const { inputs, outputs, tolerance: strictness } = test;
    const data = join(base, name, '1', 'test_data_set_0');
    const names = outputs.map((output) => output.name);
    const feeds = readTensorFiles(
      data,
      'input',
      inputs.map((input) => input.name),
    );
    const expected = readTensorFiles(data, 'output', names);
    expect(await settled(server, { model: name, version: 1 })).toMatchObject({ state: 'AVAILABLE' });

    const answer = await server.predict(name, feeds);

    expect(answer.id).toEqual({ model: name, version: 1 });
    expect(new Set(Object.keys(answer.outputs))).toEqual(new Set(names));
    for (const [output, tensor] of Object.entries(expected)) {
      expect(tensorDifference(answer.outputs[output], tensor, tolerance[strictness]), output).toBeUndefined();
    }
  });
});
