import { type Examples, ModelServer } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manySidedModel, manySidedSignatures } from '../support/onnx/inference-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const beside = { 'signatures.json': JSON.stringify(manySidedSignatures) };
const basePath = writeModel(folder, 'many', 1, manySidedModel(), beside);

describe.each([
  ['alone', {}],
  ['in batches', { batching: { batchTimeoutMicros: 100 } }],
])('ModelServer.regress, run %s', (_how, more) => {
  let server: ModelServer;
  beforeAll(async () => {
    const models = [{ name: 'many', basePath, ...more }];
    server = await new ModelServer({ models, numBatchThreads: 1, pollIntervalMs: 0 }).start();
  });
  afterAll(() => server.close());
  const regress = (signature: string, examples: Examples = [{ x: [1, 2] }, { x: [3, 4] }]) =>
    server.regress({ model: 'many', signature }, examples);

  it.each([
    ['outputs', 'one axis'],
    ['column', 'two axes'],
    ['other_inputs', 'an alias of its own'],
  ])('by %s says a number an example: %s', async (signature) => {
    const alias = signature === 'other_inputs' ? 'y' : 'x';
    const answer = await regress(signature, [{ [alias]: [1, 2] }, { [alias]: [3, 4] }]);
    expect(answer).toEqual({ id: { model: 'many', version: 1 }, signature, values: [1.5, 3.5] });
  });

  it('takes float64, and loses nothing of it', async () => {
    const { values } = await regress('wide_outputs', [{ x: 1 }, { x: 2 }]);
    expect(values).toEqual([1, 2]);
    expect(Array.isArray(values)).toBe(true);
  });

  it.each<[string, string, string]>([
    ['nope', 'No signature was found with the name: nope', 'no such signature'],
    ['both', 'Expected one output Tensor.', 'two outputs'],
    [
      'scores',
      'No regression outputs found in SignatureDef: scores (x, shift) -> (scores)',
      'another output',
    ],
    ['half', 'Expected output Tensor of DT_FLOAT.  Got: DT_HALF', 'halves'],
    [
      'cube_outputs',
      'Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [2,1,2]',
      'three axes',
    ],
    [
      'wide_outputs',
      'Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [2,2]',
      'two numbers an example',
    ],
  ])('refuses %s with %j: %s', async (signature, message) => {
    expect(await rejection(regress(signature))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message,
      id: { model: 'many', version: 1 },
    });
  });

  it('refuses an output that has not a row for each example', async () => {
    expect(await rejection(regress('first_outputs', [{ x: 1 }, { x: 2 }, { x: 3 }]))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Input batch size did not match output batch size: 3 vs. 1',
      output: 'outputs',
    });
  });

  it('refuses no examples', async () => {
    expect(await rejection(regress('outputs', []))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Input is empty.',
    });
  });
});
