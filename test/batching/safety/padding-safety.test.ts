import { type TensorMap, tensor } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPaddingFault } from '#dist/batching/safety/padding-safety.js';
import { defaultSignature, type EngineBench, openEngine } from '../../support/engine.js';
import * as models from '../../support/onnx/authored-models.js';
import { padAndStack } from '../../support/pad-rows.js';

let bench: EngineBench;
beforeAll(() => {
  bench = openEngine();
});
afterAll(() => bench.close());

async function check(bytes: Uint8Array, options: { maxRows?: number; samples?: readonly TensorMap[] } = {}) {
  const servable = await bench.load(bytes);
  return findPaddingFault(servable, defaultSignature(servable), {
    maxRows: 8,
    merge: padAndStack,
    ...options,
  });
}

describe('finds nothing against padding', () => {
  it.each([
    ['where each element goes its own way', models.alongLength('Exp')],
    ['where what is added is not seen', models.alongLength('ReduceSum')],
    ['where a mask says what counts', models.maskedMean()],
    ['of every dtype', models.passthrough(models.passthroughDtypes.filter((it) => it !== 'bfloat16'))],
    ['where no row has anything to pad', models.linear()],
  ])('%s', async (_, bytes) => {
    expect(await check(bytes)).toBeUndefined();
  });
});

describe('says what padding does', () => {
  it.each([
    [
      'it takes part in a softmax',
      models.alongLength('Softmax'),
      /^output "y" is 0\.\d+ where input "x" is padded from \[1,4\] to \[1,8\] and 0\.\d+ where it is not$/,
    ],
    [
      'it is the greatest once all are below zero',
      models.alongLength('ReduceMax'),
      /^output "y" is 0 where input "x" is padded .* and -\d/,
    ],
    [
      'it stays where the model calls the axis otherwise',
      models.alongLength('Exp', 'other'),
      'output "y" is float32 [1,8] where input "x" is padded from [1,4] to [1,8] and float32 [1,4] where it is not',
    ],
    ['rows are mixed anyway', models.noInput(), 'it has no inputs'],
    [
      'only one length runs',
      models.onlyLengthFour(),
      /^no rows of two sizes could be made to check padding with: .*Reshape/,
    ],
  ])('%s', async (_, bytes, reason) => {
    expect(await check(bytes)).toMatch(reason);
  });
});

it('runs nothing where a batch has one row', async () => {
  expect(await check(models.alongLength('Softmax'), { maxRows: 1 })).toBeUndefined();
});

it('takes rows of two sizes from the samples', async () => {
  const row = (length: number) => ({ x: tensor('float32', [1, length], new Float32Array(length).fill(1)) });
  const samples = [row(1000), row(1000), row(3000)];
  expect(await check(models.inBlocks(1000), { samples })).toMatch(
    /float32 \[1,3,1000\] where .* \[1,1000\] to \[1,3000\]/,
  );
});
