import { join } from 'node:path';
import { type DType, ModelServer, type Tensor, type TensorMap, tensor } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exactly, type Tolerance, tensorDifference } from '../support/compare.js';
import { bfloat16Bits, bfloat16Value, float16Bits } from '../support/half.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { askOracle, isCarried } from '../support/oracle.js';
import { settled } from '../support/server.js';

const floats = (...values: number[]) => tensor('float32', [values.length], Float32Array.from(values));
const matrix = (columns: number, ...values: number[]) =>
  tensor('float32', [values.length / columns, columns], Float32Array.from(values));
const int = (value: number) => tensor('int64', [], BigInt64Array.of(BigInt(value)));

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: TensorMap;
  /** The outputs to compare. @default all of the model's */
  readonly outputs?: readonly string[];
  readonly tolerance?: Tolerance;
  readonly beside?: Readonly<Record<string, Uint8Array>>;
}

const external = authored.heavy(10, { isExternal: true });
const wide = matrix(256, ...Array.from({ length: 512 }, (_, index) => Math.sin(index)));
/** Sums of 10 240 products: threads may add them in another order. */
const summed: Tolerance = { rtol: 1e-4, atol: 1e-4 };

const cases: readonly Case[] = [
  { name: 'linear', bytes: authored.linear(), inputs: { x: floats(1, -2, 0.5) } },
  { name: 'leaky', bytes: authored.leaky(), inputs: { x: floats(1, -2, 0.5) } },
  { name: 'default-scale', bytes: authored.overridableScale(), inputs: { x: matrix(3, 1, 2, 3) } },
  { name: 'no-input', bytes: authored.noInput(), inputs: {} },
  {
    name: 'gather-table',
    bytes: authored.gatherTable(),
    inputs: { ids: tensor('int64', [3], BigInt64Array.of(0n, 9n, -1n)) },
  },
  {
    name: 'batch-mean-centering',
    bytes: authored.batchMeanCentering(),
    inputs: { x: matrix(4, 1, 2, 3, 4, 5, 6, 7, 9) },
  },
  {
    name: 'many-inputs-sum',
    bytes: authored.manyInputsSum(),
    inputs: Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`x${index}`, floats(index, 1)])),
  },
  {
    name: 'oddly-named',
    bytes: authored.oddlyNamed(),
    inputs: Object.fromEntries(authored.oddNames.map((name) => [name, floats(1, 2)])),
  },
  {
    name: 'strings',
    bytes: authored.strings(),
    inputs: { text: tensor('string', [5], ['b', '', 'größe', 'b', '模型 \u{1f680}']) },
  },
  { name: 'empty-output', bytes: authored.emptyOutput(), inputs: { x: matrix(2, 1, 2, 3, 4) } },
  { name: 'spin', bytes: authored.spin(8), inputs: { x: matrix(8, 1, 2, 3, 4, 5, 6, 7, 8), n: int(3) } },
  {
    name: 'spin-not-at-all',
    bytes: authored.spin(8),
    inputs: { x: matrix(8, 1, 2, 3, 4, 5, 6, 7, 8), n: int(0) },
  },
  {
    name: 'nested-if',
    bytes: authored.nestedIf(),
    inputs: { x: floats(1, 2), go: tensor('bool', [], Uint8Array.of(1)) },
  },
  { name: 'heavy', bytes: authored.heavy(10).model, inputs: { x: wide }, tolerance: summed },
  {
    name: 'heavy-external',
    bytes: external.model,
    beside: { [authored.heavyDataFile]: external.data as Uint8Array },
    inputs: { x: wide },
    tolerance: summed,
  },
  {
    name: 'sequence-output',
    bytes: authored.sequenceOutput(),
    inputs: { x: matrix(2, 1, 2) },
    outputs: ['y'],
  },
  {
    name: 'zip-map',
    bytes: authored.zipMap(),
    inputs: { scores: matrix(3, 0.1, 0.7, 0.2) },
    outputs: ['label'],
  },
];

/** For each dtype, values at its edges. */
const edges = {
  float16: Uint16Array.from([0, -0, 1, -65_504, 6e-8, Infinity, -Infinity, Number.NaN], float16Bits),
  bfloat16: Uint16Array.from([0, -0, 1, -3e38, 1e-40, Infinity, -Infinity, Number.NaN], bfloat16Bits),
  float32: Float32Array.of(0, -0, 1e-45, -3.4e38, 0.1, Infinity, -Infinity, Number.NaN),
  float64: Float64Array.of(0, -0, 5e-324, -1.7e308, 0.1, Infinity, -Infinity, Number.NaN),
  int8: Int8Array.of(0, 1, -1, 127, -128, 5, 6, 7),
  int16: Int16Array.of(0, 1, -1, 32_767, -32_768, 5, 6, 7),
  int32: Int32Array.of(0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 5, 6, 7),
  int64: BigInt64Array.of(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 5n, 6n, 7n),
  uint8: Uint8Array.of(0, 1, 2, 254, 255, 5, 6, 7),
  uint16: Uint16Array.of(0, 1, 2, 65_534, 65_535, 5, 6, 7),
  uint32: Uint32Array.of(0, 1, 2, 2 ** 32 - 2, 2 ** 32 - 1, 5, 6, 7),
  uint64: BigUint64Array.of(0n, 1n, 2n, 2n ** 64n - 2n, 2n ** 64n - 1n, 5n, 6n, 7n),
  bool: Uint8Array.of(0, 1, 1, 0, 0, 0, 1, 1),
  string: ['', 'a', 'größe', '模型', '\u{1f680}', 'two\nlines', '\ufeffmark', 'plain'],
} satisfies { [D in DType]: Tensor<D>['data'] };

describe('what the official binding answers', () => {
  const folder = temporaryFolder();
  let server: ModelServer;
  const path = (name: string) => join(folder, name, '1', 'model.onnx');
  const identity = (dtype: DType) => `identity-${dtype}`;

  beforeAll(async () => {
    const models = [
      ...cases.map(({ name, bytes, beside }) => ({
        name,
        basePath: writeModel(folder, name, 1, bytes, beside),
      })),
      ...authored.passthroughDtypes.map((dtype) => ({
        name: identity(dtype),
        basePath: writeModel(folder, identity(dtype), 1, authored.unrankedIdentity(dtype)),
      })),
      ...[
        { name: 'bfloat16-doubling', bytes: authored.bfloat16Doubling() },
        { name: 'zip-map-unsorted', bytes: authored.zipMap([7, -1, 3]) },
        { name: 'zip-map-text', bytes: authored.zipMap(['cat', 'dog', '']) },
      ].map(({ name, bytes }) => ({ name, basePath: writeModel(folder, name, 1, bytes) })),
    ];
    server = await new ModelServer({ models }).start();
    await Promise.all(models.map(({ name }) => settled(server, { model: name, version: 1 })));
  });
  afterAll(() => server?.close());

  it.each(cases.map((each) => [each.name, each] as const))('is what %s answers', async (name, asked) => {
    const { inputs, outputs, tolerance = exactly } = asked;
    const expected = await askOracle(path(name), inputs, outputs);
    const answer = await server.predict(name, inputs, outputs ? { outputs } : {});
    expect(Object.keys(answer.outputs).sort()).toEqual(Object.keys(expected).sort());
    for (const [output, tensor] of Object.entries(expected)) {
      expect(tensorDifference(answer.outputs[output], tensor, tolerance), output).toBeUndefined();
    }
  });

  describe.each(authored.passthroughDtypes)('%s', (dtype) => {
    const data: Tensor['data'] = edges[dtype];
    const shapes = [[8], [2, 4], [2, 1, 4], [1, 2, 2, 2], [], [0], [3, 0, 2]];

    it.each(shapes.map((shape) => ({ shape, text: `[${shape}]` })))(
      'of shape $text passes unchanged',
      async ({ shape }) => {
        const size = shape.reduce((product, axis) => product * axis, 1);
        const x = { dtype, shape, data: data.slice(0, size) } as Tensor;

        const { outputs } = await server.predict(identity(dtype), { x });

        expect(tensorDifference(outputs.y, x)).toBeUndefined();
        if (!isCarried(dtype)) return;
        const expected = await askOracle(path(identity(dtype)), { x });
        expect(tensorDifference(outputs.y, expected.y as Tensor)).toBeUndefined();
      },
    );
  });

  it.each([
    ['with a NUL inside, where the official binding cuts them', ['before\0after', '\0']],
    ['that are bytes and not UTF-8', [Uint8Array.of(0xff, 0, 0xfe), Uint8Array.of(0x80)]],
  ])('passes strings %s unchanged', async (_, data) => {
    const x = tensor('string', [2], data as string[]);
    const { outputs } = await server.predict(identity('string'), { x });
    expect(tensorDifference(outputs.y, x)).toBeUndefined();
  });

  it('has no word on a default that a request overrides, which the official binding ignores', async () => {
    const scale = tensor('float32', [], Float32Array.of(-5));
    const { outputs } = await server.predict('default-scale', { x: matrix(3, 1, 2, 3), scale });
    expect(outputs.y?.data).toEqual(Float32Array.of(-5, -10, -15));
  });

  it('has no word on bfloat16, which is computed with all the same', async () => {
    const x = tensor('bfloat16', [3], Uint16Array.from([1, -2.5, 1e30], bfloat16Bits));
    const { outputs } = await server.predict('bfloat16-doubling', { x });
    expect(outputs.y?.dtype).toBe('bfloat16');
    const doubled = Array.from(outputs.y?.data as Uint16Array, bfloat16Value);
    expect(doubled).toEqual([2, -5, 2 * bfloat16Value(bfloat16Bits(1e30))]);
  });

  it.each([
    ['zip-map', ['0', '1', '2']],
    ['zip-map-unsorted', ['7', '-1', '3']],
    ['zip-map-text', ['cat', 'dog', '']],
  ])('has no word on the maps of %s, whose scores come as a tensor', async (name, keys) => {
    const rows = [
      [0.125, 0.75, 0.25],
      [0.5, 0.375, 0],
    ];
    const { outputs } = await server.predict(name, { scores: matrix(3, ...rows.flat()) });
    const { dtype, shape, data, classes = [] } = outputs.probabilities as Tensor<'float32'>;
    expect({ dtype, shape }).toEqual({ dtype: 'float32', shape: [2, 3] });
    // onnxruntime keeps the keys of a map sorted: each score must stand under its own key, wherever that is.
    for (const [row, scores] of rows.entries()) {
      const found = new Map(classes.map((key, column) => [key, data[row * 3 + column]]));
      expect(found).toEqual(new Map(keys.map((key, column) => [key, scores[column]])));
    }
    expect(outputs.label?.data).toEqual(BigInt64Array.of(1n, 0n));
  });

  it('fails a run that the model cannot do, as the official binding does', async () => {
    const inputs = { ids: tensor('int64', [1], BigInt64Array.of(10n)) };
    await expect(askOracle(path('gather-table'), inputs)).rejects.toThrow(
      /indices element out of data bounds/,
    );
    await expect(server.predict('gather-table', inputs)).rejects.toThrow(
      /indices element out of data bounds/,
    );
  });
});
