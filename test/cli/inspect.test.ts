import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tensor, writeWarmupFile } from 'servable';
import { describe, expect, it } from 'vitest';
import { linear, overridableScale, rowsReversed } from '../support/onnx/authored-models.js';
import { externalFile, externalWeights } from '../support/onnx/external-models.js';
import { manySidedModel, manySidedSignatures } from '../support/onnx/inference-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { runProgram } from '../support/program.js';

const folder = temporaryFolder();
const digits = resolve('examples/models/digits');

/** What `inspect --json` says. */
// biome-ignore lint/suspicious/noExplicitAny: who reads JSON knows no types
async function inspect(path: string, ...flags: string[]): Promise<any> {
  const { code, stdout, stderr } = await runProgram(['inspect', path, '--json', ...flags]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

describe('servable inspect', () => {
  it('shows signatures as saved_model_cli lays them out, and the rest below', async () => {
    const { stdout, code } = await runProgram(['inspect', join(digits, '2')]);
    expect(code).toBe(0);
    expect(stdout).toBe(`signature_def['serving_default']:
  Inputs:
    inputs['pixels'] tensor_info:
        dtype: DT_FLOAT
        shape: (-1, 64), which is [batch, 64]
        name: pixels
  Outputs:
    outputs['label'] tensor_info:
        dtype: DT_INT64
        shape: (-1), which is [batch]
        name: label
    outputs['probabilities'] tensor_info:
        dtype: DT_FLOAT
        shape: (-1, 10), which is [batch, 10]
        name: probabilities
  Method name is: tensorflow/serving/predict

Model:
  name: digits
  version: 2
  producer: digits-demo
  graph: digits_mlp
  opsets: ai.onnx 17
  IR version: 8
  metadata "accuracy": 0.9889

Files:
  ${join(digits, '2/model.onnx')}: 19.7 KB

Runs on:
  devices: cpu
  operators: 6 by cpu
  batching: requests may share runs

Warm-up:
  no warm-up file
`);
  });

  it('takes the highest version of a base path, or the one that is asked for', async () => {
    expect(await inspect(digits)).toMatchObject({ model: 'digits', version: 3, versions: [3, 2, 1] });
    expect(await inspect(digits, '--model_version=1')).toMatchObject({ version: 1, versions: [3, 2, 1] });
    const { code, stderr } = await runProgram(['inspect', digits, '--model_version=7']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^servable: Cannot find a model at version 7 in .*: it holds versions 3, 2, 1; expected/,
    );
  });

  it('takes a file by any name, with its weights beside it', async () => {
    const model = externalWeights('weights/w.bin');
    const file = join(folder, 'renamed.onnx');
    mkdirSync(join(folder, 'weights'));
    writeFileSync(file, model);
    writeFileSync(join(folder, 'weights/w.bin'), externalFile());
    const found = await inspect(file);
    expect(found).toMatchObject({
      model: 'renamed',
      version: 0,
      file: { path: file, bytes: model.length },
      externalData: [{ path: join(folder, 'weights/w.bin'), bytes: externalFile().length }],
    });
    expect(found.signatures.serving_default.method).toBe('predict');
  });

  it('says that weights are missing', async () => {
    const basePath = writeModel(folder, 'missing', 1, externalWeights('w.bin'));
    const { code, stdout, stderr } = await runProgram(['inspect', basePath]);
    expect(code).toBe(1);
    expect(stdout).toContain(`${join(basePath, '1/w.bin')}: missing`);
    expect(stderr).toMatch(/^servable: Cannot load missing@1: /);
  });

  it('shows all signatures, their methods and classes, and inputs that may be left out', async () => {
    const basePath = writeModel(folder, 'sides', 1, manySidedModel(), {
      'signatures.json': JSON.stringify(manySidedSignatures),
    });
    const { signatures } = await inspect(basePath);
    expect(Object.keys(signatures)).toEqual(expect.arrayContaining(Object.keys(manySidedSignatures)));
    const optional = await runProgram(['inspect', writeModel(folder, 'scale', 1, overridableScale())]);
    expect(optional.stdout).toMatch(/inputs\['\w+'\] tensor_info: \(may be left out\)/);
  });

  it('says that a model mixes rows, and shows its own metadata', async () => {
    const mixing = await inspect(writeModel(folder, 'mixing', 1, rowsReversed()));
    expect(mixing.batching).toMatchObject({ isOn: false, reason: expect.stringContaining('rows') });
    const tagged = await inspect(writeModel(folder, 'tagged', 1, linear(1, 1, { owner: 'us' })));
    expect(tagged.metadata.custom).toMatchObject({ owner: 'us' });
  });

  it('counts what a warm-up file holds, and says where it is damaged', async () => {
    const basePath = writeModel(folder, 'warm', 1, linear());
    const inputs = { x: tensor('float32', [1], [1]) };
    await writeWarmupFile(join(basePath, '1'), [{ inputs }, { inputs, signature: 'other' }, { inputs }]);
    expect((await inspect(basePath)).warmup).toMatchObject({
      records: 3,
      kinds: { predict: 3 },
      signatures: { serving_default: 2, other: 1 },
    });
    const file = join(basePath, '1/assets.extra/tf_serving_warmup_requests');
    writeFileSync(file, readFileSync(file).subarray(0, -3));
    expect((await inspect(basePath)).warmup).toMatchObject({
      records: 2,
      error: expect.stringContaining('truncated record'),
    });
  });

  it.each<[string, string | Uint8Array]>([
    ['that is empty', ''],
    ['that is no model', 'no model'],
    ['that is cut off', linear().subarray(0, 40)],
  ])('says of a file %s what is known, and why it cannot be loaded', async (_what, bytes) => {
    const basePath = writeModel(folder, 'bad', 1, Buffer.from(bytes));
    const { code, stdout, stderr } = await runProgram(['inspect', basePath, '--json']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^servable: Cannot load bad@1: /);
    expect(JSON.parse(stdout)).toMatchObject({
      file: { bytes: bytes.length },
      error: { message: expect.stringMatching(/^Cannot load bad@1: /) },
    });
  });

  it.each<[string, readonly string[], number, RegExp]>([
    [
      'nothing',
      ['/nowhere'],
      1,
      /Cannot find a model at \/nowhere: there is no such file or directory; expected an .onnx/,
    ],
    ['a folder without versions', [folder], 1, /it holds neither model.onnx nor versions/],
    ['no path', [], 2, /missing required argument 'path'/],
    ['a version that is none', [digits, '--model_version=x'], 2, /Expected an integer of at least 0/],
    ['a device that is none', [digits, '--device=tpu'], 2, /Expected cpu, cuda:0/],
  ])('refuses %s', async (_what, args, code, message) => {
    const ended = await runProgram(['inspect', ...args]);
    expect(ended.stderr).toMatch(message);
    expect(ended).toMatchObject({ code, stdout: '' });
  });
});
