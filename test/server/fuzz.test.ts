import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { type DType, dtypes, ModelServer, ServingError, type Tensor, type TensorMap } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newData } from '#dist/core/dtype.js';
import { openEngine } from '../support/engine.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';

const folder = temporaryFolder();

/** Anything that might stand where a dimension should. */
const oddSize = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(null, '2', 2n, Number.NaN, 2 ** 53, -0));
const oddShape = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
  fc.array(oddSize, { maxLength: 3 }),
  fc.anything(),
);
const typedArray = fc
  .tuple(fc.constantFrom(...dtypes), fc.nat({ max: 16 }))
  .map(([dtype, length]) => newData(dtype, length));
const oddTensor = fc.record({
  dtype: fc.oneof(fc.constantFrom(...dtypes), fc.string()),
  shape: oddShape,
  data: fc.oneof(typedArray, fc.array(fc.string()), fc.array(fc.uint8Array()), fc.anything()),
});

/** A right tensor [rows, columns] of any dtype, its elements any bits that the dtype has. */
const rightTensor = fc
  .record({
    dtype: fc.constantFrom(...dtypes),
    rows: fc.nat({ max: 5 }),
    columns: fc.nat({ max: 5 }),
    bytes: fc.uint8Array({ minLength: 200, maxLength: 200 }),
    text: fc.array(fc.string({ unit: 'grapheme' }), { minLength: 25, maxLength: 25 }),
  })
  .map(({ dtype, rows, columns, bytes, text }): Tensor => {
    const count = rows * columns;
    const shape = [rows, columns];
    if (dtype === 'string') return { dtype, shape, data: text.slice(0, count) };
    const data = newData(dtype, count) as Uint8Array;
    const source = dtype === 'bool' ? bytes.map((byte) => byte % 2) : bytes;
    new Uint8Array(data.buffer).set(source.subarray(0, data.byteLength));
    return { dtype, shape, data } as Tensor;
  });

describe.each(['off', 'on'] as const)('ModelServer with inline runs %s', (inlineRuns) => {
  let server: ModelServer;
  beforeAll(async () => {
    const models = dtypes.map((dtype) => ({
      name: dtype,
      basePath: writeModel(folder, dtype, 1, authored.passthrough([dtype])),
    }));
    server = await new ModelServer({ models, inlineRuns, pollIntervalMs: 0 }).start();
  });
  afterAll(() => server.close());

  it('gives every tensor of every dtype back bit by bit', async () => {
    const check = async (tensor: Tensor) => {
      const { outputs } = await server.predict(tensor.dtype, { [`in_${tensor.dtype}`]: tensor });
      const answer = outputs[`out_${tensor.dtype}`] as Tensor;
      expect([answer.dtype, answer.shape]).toEqual([tensor.dtype, tensor.shape]);
      expect(bits(answer)).toEqual(bits(tensor));
    };
    await fc.assert(fc.asyncProperty(rightTensor, check), { numRuns: 500 });
  });

  it('answers anything with an answer or with an error of its own, and lives', async () => {
    const check = async (model: DType, odd: unknown) => {
      const inputs = { [`in_${model}`]: odd } as TensorMap;
      const outcome = await server.predict(model, inputs).then(
        ({ outputs }) => outputs[`out_${model}`]?.dtype,
        (error: unknown) => (error instanceof ServingError ? error.code : error),
      );
      expect([model, 'INVALID_ARGUMENT']).toContain(outcome);
    };
    const property = fc.asyncProperty(fc.constantFrom(...dtypes), fc.oneof(oddTensor, fc.anything()), check);
    await fc.assert(property, { numRuns: 1000 });
  });
});

describe('a model file', () => {
  it('cut short anywhere is refused, and the engine lives', async () => {
    const bench = openEngine({ numLoadThreads: 1, numBatchThreads: 1 });
    try {
      const whole = authored.linear();
      const file = join(folder, 'cut.onnx');
      for (let length = 0; length < whole.length; length++) {
        writeFileSync(file, whole.subarray(0, length));
        await expect(bench.engine.openSession(file, {})).rejects.toThrow();
      }
      writeFileSync(file, whole);
      await bench.engine.closeSession(await bench.engine.openSession(file, {}));
    } finally {
      await bench.close();
    }
  });
});

function bits({ data }: Tensor): unknown {
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : data;
}
