import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBatchFault } from '#dist/batching/safety/batch-safety.js';
import { ServingError } from '#dist/core/errors.js';
import type { RunRequest, Servable } from '#dist/core/servable.js';
import type { Signature, TensorSpec } from '#dist/core/signature.js';
import { type Tensor, type TensorMap, tensor } from '#dist/core/tensor.js';
import { defaultSignature, type EngineBench, openEngine } from '../../support/engine.js';
import * as models from '../../support/onnx/authored-models.js';

let bench: EngineBench;
beforeAll(() => {
  bench = openEngine();
});
afterAll(() => bench.close());

async function check(bytes: Uint8Array, maxRows = 8, samples?: readonly TensorMap[]) {
  const servable = await bench.load(bytes);
  return findBatchFault(servable, defaultSignature(servable), { maxRows, ...(samples && { samples }) });
}

describe('finds nothing against rows that do not know of each other', () => {
  it.each([
    ['floats', models.linear()],
    [
      'every dtype that onnxruntime carries',
      models.passthrough(models.passthroughDtypes.filter((it) => it !== 'bfloat16')),
    ],
    ['float16', models.doubled('float16')],
    ['float64', models.doubled('float64')],
    ['int32', models.doubled('int32')],
    ['names that an object may trip over', models.oddlyNamed()],
    ['an input that may be left out', models.overridableScale()],
    ['ids into a table of ten', models.gatherTable()],
    ['ids into a table of two', models.smallTable()],
    ['text that must spell numbers', models.spelledNumbers()],
    ['an output that never has an element', models.emptyOutput()],
    ['an output that is always the same', models.alwaysZero()],
    ['open axes of which one is the sum of the others', models.pastAndNow()],
    ['an open axis that 32 must divide', models.inBlocks(32)],
    ['an open axis that 224 must divide', models.inBlocks(224)],
    ['an axis along which it computes', models.alongLength('Softmax')],
  ])('%s', async (_, bytes) => {
    expect(await check(bytes)).toBeUndefined();
  });
});

describe('says what is wrong with rows together', () => {
  const value = '-?[\\d.]+(e-\\d+)?';
  const mixed = new RegExp(`^output "y" of row \\d is ${value} together with other rows and ${value} alone$`);
  it.each([
    ['the rows come back in another order', models.rowsReversed(), mixed],
    [
      'the rows of a bool come back in another order',
      models.rowsReversed('bool'),
      /of row \d is [01] together/,
    ],
    ['the rows of float16 come back in another order', models.rowsReversed('float16'), mixed],
    [
      'the rows of int64 come back in another order',
      models.rowsReversed('int64'),
      /of row \d is \d together/,
    ],
    [
      'the rows of text come back in another order',
      models.rowsReversed('string'),
      /is ".*" together .* and ".*" alone$/,
    ],
    ['it shows only below zero', models.rowsReversedBelowZero(), mixed],
    ['it shows only below zero, in one of two outputs', models.oneOutputReversedBelowZero(), mixed],
    ['it shows only where rows are long', models.reversedBeyondFour(), mixed],
    ['each row is added to the next', models.runningTotal(), mixed],
    ['the mean of all is taken off', models.centredRows(), mixed],
    ['the mean of all is taken off, in float16', models.centredRows('float16'), mixed],
    ['they are quantised by one scale', models.quantisedByBatch(), mixed],
    ['their number goes into the answer', models.timesRows(), mixed],
    ['one of two outputs mixes them', models.rowsCompared(), /^output "isAbove" of row \d is [01] together/],
    ['distinct texts are sorted', models.strings(), /^output "distinct" of row 0 is ".*" together/],
    ['it fails above one row', models.reshapedToOneRow(), /^it fails with 3 rows: .*Reshape.*[^.]$/],
    [
      'each row is paired with each',
      models.eachWithEach(),
      'output "y" of row 0 is float32 [1,3] together with other rows and float32 [1,1] alone',
    ],
    ['it answers for the first only', models.firstRow(), 'output "y" has 1 row for 3 rows of input'],
    ['it answers for all in one number', models.total(), 'output "y" has no axis 0'],
    ['a second output is one number', models.batchMeanCentering(), 'output "total" has no axis 0'],
    ['axis 0 of the answer is another', models.greatestRow(), 'output "y" has 4 rows for 1 row of input'],
    ['it draws lots', models.noisy(), 'it does not answer the same row the same way twice'],
    ['it has no inputs', models.noInput(), 'it has no inputs'],
    [
      'its input states no rank',
      models.unrankedIdentity(),
      'input "x" is a scalar, or its rank is not stated',
    ],
    ['no row runs', models.inBlocks(1000), /^no row could be made to check it with: .*Reshape/],
  ])('%s', async (_, bytes, reason) => {
    expect(await check(bytes)).toMatch(reason);
  });
});

describe('reads from the signature alone', () => {
  const float = (...shape: TensorSpec['shape']): TensorSpec => ({ name: 'n', dtype: 'float32', shape });
  it.each<[string, Partial<Signature>, string]>([
    ['a fixed axis 0', { inputs: { x: float(1, 4) } }, 'input "x" has a fixed axis 0 of 1'],
    [
      'a scalar beside rows',
      { inputs: { x: float('batch'), n: float() } },
      'input "n" is a scalar, or its rank is not stated',
    ],
    [
      'rows on another axis',
      { inputs: { x: float('batch', 4), h: float('layer', 'batch') } },
      'input "h" has "batch", the name of axis 0, on axis 1',
    ],
    [
      'no input that is required',
      { inputs: { x: { ...float('batch'), isOptional: true } } },
      'it has no inputs but optional ones',
    ],
    ['no output', { inputs: { x: float('batch') }, outputs: {} }, 'it has no outputs that are tensors'],
  ])('%s', async (_, parts, reason) => {
    const never = fakeServable(() => Promise.reject(new Error('It was run')));
    expect(await findBatchFault(never, fakeSignature(parts), { maxRows: 8 })).toBe(reason);
  });

  it('nothing where a batch has one row', async () => {
    const never = fakeServable(() => Promise.reject(new Error('It was run')));
    expect(await findBatchFault(never, fakeSignature({}), { maxRows: 1 })).toBeUndefined();
  });
});

describe('runs', () => {
  it.each([
    [2, [1, 1, 2]],
    [3, [1, 1, 1, 3]],
    [1000, [1, 1, 1, 3]],
  ])('rows alone and then together where a batch has up to %i', async (maxRows, expected) => {
    const rows: number[] = [];
    const servable = fakeServable(async ({ inputs }) => {
      rows.push(inputs.x?.shape[0] as number);
      return { y: inputs.x as never };
    });
    expect(await findBatchFault(servable, fakeSignature({}), { maxRows })).toBeUndefined();
    expect(rows).toEqual(expected);
  });

  it('asks for all outputs, by the signature it was given', async () => {
    const requests: RunRequest[] = [];
    const signature = fakeSignature({});
    const servable = fakeServable(async (request) => {
      requests.push(request);
      return { y: request.inputs.x as never };
    });
    const { signal } = new AbortController();
    await findBatchFault(servable, signature, { maxRows: 2, signal });
    for (const request of requests) expect(request).toMatchObject({ signature, outputs: ['y'], signal });
  });

  it('forgives rounding that the number of rows explains, however the model amplifies it', async () => {
    const servable = fakeServable(async ({ inputs }) => {
      const { shape, data } = inputs.x as Tensor<'float32'>;
      const factor = shape[0] === 1 ? 1 : 1.01;
      return {
        y: tensor(
          'float32',
          shape,
          data.map((each) => each * factor),
        ),
      };
    });
    expect(await findBatchFault(servable, fakeSignature({}), { maxRows: 8 })).toBeUndefined();
  });

  it('does not forgive as much where other rows explain it', async () => {
    const servable = fakeServable(async ({ inputs }) => {
      const { shape, data } = inputs.x as Tensor<'float32'>;
      const mean = data.reduce((sum, each) => sum + each, 0) / data.length;
      return {
        y: tensor(
          'float32',
          shape,
          data.map((each) => each + 0.01 * mean),
        ),
      };
    });
    expect(await findBatchFault(servable, fakeSignature({}), { maxRows: 8 })).toMatch(/^output "y" of row 0/);
  });

  it('takes NaN and infinity for what they are', async () => {
    const servable = fakeServable(async ({ inputs }) => {
      const { shape, data } = inputs.x as Tensor<'float32'>;
      return {
        y: tensor(
          'float32',
          shape,
          data.map((each, at) => [NaN, Infinity, -Infinity, each][at % 4] as number),
        ),
      };
    });
    expect(await findBatchFault(servable, fakeSignature({}), { maxRows: 8 })).toBeUndefined();
  });

  it.each(['CANCELLED', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED'] as const)(
    'rejects with %s, which says nothing of rows',
    async (code) => {
      const failing = fakeServable(() =>
        Promise.reject(new ServingError(code, 'Cannot run m@1: it happened')),
      );
      await expect(findBatchFault(failing, fakeSignature({}), { maxRows: 8 })).rejects.toMatchObject({
        code,
      });
    },
  );

  it('takes any other failure for a verdict, in the words of the engine', async () => {
    const cause = new Error('Rows are bad.\nat some place');
    const failing = fakeServable(async ({ inputs }) => {
      if (inputs.x?.shape[0] === 1) return { y: inputs.x };
      throw new ServingError('INTERNAL', 'Cannot run m@1: Rows are bad.', { cause });
    });
    const fault = await findBatchFault(failing, fakeSignature({}), { maxRows: 2 });
    expect(fault).toBe('it fails with 2 rows: Rows are bad');
  });

  it('stops between runs when it is aborted', async () => {
    const aborter = new AbortController();
    const servable = fakeServable(async ({ inputs }) => {
      aborter.abort();
      return { y: inputs.x as never };
    });
    const { signal } = aborter;
    await expect(findBatchFault(servable, fakeSignature({}), { maxRows: 8, signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});

describe('with samples', () => {
  const row = (value: number) => ({ x: tensor('float32', [1, 1000], new Float32Array(1000).fill(value)) });

  it('finds rows where none could be made up', async () => {
    expect(await check(models.inBlocks(1000), 8, [row(1), row(2), row(3)])).toBeUndefined();
  });

  it('makes more rows out of one', async () => {
    const x = tensor(
      'float32',
      [1, 1000],
      Float32Array.from({ length: 1000 }, (_, index) => index),
    );
    expect(await check(models.inBlocks(1000), 8, [{ x }])).toBeUndefined();
  });

  it('takes the rows of a request apart', async () => {
    const ids = tensor('int64', [3], BigInt64Array.of(7n, 8n, 9n));
    const seen: string[] = [];
    const servable = fakeServable(async ({ inputs }) => {
      seen.push(String(inputs.ids?.data));
      return { y: inputs.ids as never };
    });
    const inputs = { ids: { name: 'ids', dtype: 'int64', shape: ['batch'] } } as const;
    await findBatchFault(servable, fakeSignature({ inputs }), { maxRows: 8, samples: [{ ids }] });
    expect(seen).toEqual(['7', '8', '9', '7,8,9']);
  });

  it('does without those that lack an input or have no rows', async () => {
    const samples = [{}, { x: tensor('float32', [], [1]) }, { x: tensor('float32', [0], []) }];
    expect(await check(models.linear(), 8, samples)).toBeUndefined();
  });
});

function fakeSignature(parts: Partial<Signature>): Signature {
  const spec: TensorSpec = { name: 'x', dtype: 'float32', shape: ['batch', 4] };
  return { name: 'serving_default', method: 'predict', inputs: { x: spec }, outputs: { y: spec }, ...parts };
}

function fakeServable(run: (request: RunRequest) => Promise<TensorMap>): Servable {
  return { id: { model: 'm', version: 1 }, signatures: new Map(), run, unload: async () => {} } as never;
}
