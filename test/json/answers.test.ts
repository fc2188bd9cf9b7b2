import fc from 'fast-check';
import { type DType, type Signature, type Tensor, type TensorMap, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { decodeClassifications, decodeOutputs, decodeRegressions } from '#dist/json/decode-answer.js';
import { encodeOutputs } from '#dist/json/encode-outputs.js';
import { encodePredictBody } from '#dist/json/encode-request.js';
import { encodeClassifications, encodeRegressions } from '#dist/json/encode-results.js';
import { PredictBody } from '#dist/json/predict-body.js';
import { caught } from '../support/caught.js';

const spec = (dtype: DType, shape: Signature['inputs'][string]['shape'] = [null]) => ({
  name: 'x',
  dtype,
  shape,
});
const signature = (inputs: Signature['inputs'], outputs: Signature['outputs']): Signature => ({
  name: 'serving_default',
  method: 'predict',
  inputs,
  outputs,
});
const bytes = (text: string) => Buffer.from(text);

/** Tensors that JSON can hold, of every dtype that it can. */
const anyTensor: fc.Arbitrary<Tensor> = fc
  .constantFrom('float32', 'float64', 'int8', 'int32', 'int64', 'uint32', 'uint64', 'bool', 'string')
  .chain((dtype) => fc.tuple(fc.constant(dtype), fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 })))
  .chain(([dtype, shape]) => {
    const count = shape.reduce((product, dim) => product * dim, 1);
    return valuesOf(dtype, count).map((values) => tensor(dtype, shape, values as never) as Tensor);
  });

function valuesOf(dtype: string, count: number): fc.Arbitrary<readonly unknown[]> {
  const exactly = { minLength: count, maxLength: count };
  const bits = Number(/\d+/.exec(dtype)?.[0] ?? 1);
  if (dtype === 'float32') return fc.array(fc.float(), exactly);
  if (dtype === 'float64') return fc.array(fc.double(), exactly);
  if (dtype === 'string') return fc.array(fc.string({ unit: 'grapheme' }), exactly);
  if (dtype === 'bool') return fc.array(fc.boolean(), exactly);
  const isSigned = dtype.startsWith('int');
  const min = isSigned ? -(2n ** BigInt(bits - 1)) : 0n;
  const max = isSigned ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n;
  return fc.array(fc.bigInt({ min, max }), exactly).map((all) => (bits === 64 ? all : all.map(Number)));
}

const anyTensors = fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1 }), anyTensor, {
  minKeys: 1,
  maxKeys: 3,
});
const specsOf = (tensors: TensorMap) =>
  Object.fromEntries(Object.entries(tensors).map(([name, { dtype, shape }]) => [name, spec(dtype, shape)]));

describe('JSON', () => {
  it('of inputs is what the server reads back', () => {
    fc.assert(
      fc.property(
        anyTensors,
        fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
        (inputs, name) => {
          const body = new PredictBody(encodePredictBody(inputs, name), () => {});
          expect(body.signatureName()).toBe(name);
          expect(body.inputs(signature(specsOf(inputs), {}))).toEqual(inputs);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('of outputs is read back as they were', () => {
    fc.assert(
      fc.property(anyTensors, (outputs) => {
        // A name that ends so is a word of TensorFlow Serving's for bytes; they come back as text all the same.
        const json = encodeOutputs(outputs, 'columnar');
        expect(decodeOutputs(json, signature({}, specsOf(outputs)))).toEqual(outputs);
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, string, Signature['outputs'], TensorMap]>([
    [
      'with white space, as TensorFlow Serving has it',
      '{\n    "outputs": [\n        1.0,\n        NaN\n    ]\n}',
      { y: spec('float32') },
      { y: tensor('float32', [2], [1, Number.NaN]) },
    ],
    [
      'with words for what is beyond numbers',
      '{"outputs":[Infinity,-Infinity]}',
      { y: spec('float64') },
      { y: tensor('float64', [2], [Infinity, -Infinity]) },
    ],
    ['of a scalar', '{"outputs":7}', { y: spec('int64', []) }, { y: tensor('int64', [], [7n]) }],
    [
      'of bytes',
      '{"outputs":[{"b64":"/wA="}]}',
      { y_bytes: spec('string') },
      { y_bytes: tensor('string', [1], [Uint8Array.of(255, 0)]) },
    ],
    [
      'of nothing, whose axes the signature knows',
      '{"outputs":[]}',
      { y: spec('float32', [null, 3]) },
      { y: tensor('float32', [0, 3], []) },
    ],
    [
      'of nothing in rows',
      '{"outputs":[[],[]]}',
      { y: spec('float32', [null, null, 4]) },
      { y: tensor('float32', [2, 0, 4], []) },
    ],
    [
      'of several outputs',
      '{"outputs":{"b":[true],"a":[1]}}',
      { a: spec('int32'), b: spec('bool') },
      { a: tensor('int32', [1], [1]), b: tensor('bool', [1], [true]) },
    ],
  ])('%s is read', (_what, text, outputs, expected) => {
    expect(decodeOutputs(bytes(text), signature({}, outputs))).toEqual(expected);
  });

  it.each<[string, string, Signature['outputs']]>([
    ['nothing', '', { y: spec('float32') }],
    ['half an answer', '{"outputs":[1.0,', { y: spec('float32') }],
    ['a list', '[1]', { y: spec('float32') }],
    ['rows', '{"predictions":[1]}', { y: spec('float32') }],
    ['lists of unequal length', '{"outputs":[[1],[1,2]]}', { y: spec('float32') }],
    ['a fraction where an integer is due', '{"outputs":[1.5]}', { y: spec('int64') }],
    ['an integer that is too large', '{"outputs":[9223372036854775808]}', { y: spec('int64') }],
    ['one output in place of two', '{"outputs":[1]}', { y: spec('int64'), z: spec('int64') }],
    ['one output of two', '{"outputs":{"y":[1]}}', { y: spec('int64'), z: spec('int64') }],
    ['an output that is not known', '{"outputs":{"y":[1],"q":[1]}}', { y: spec('int64'), z: spec('int64') }],
  ])('that is %s is refused', (_what, text, outputs) => {
    expect(caught(() => decodeOutputs(bytes(text), signature({}, outputs))).code).toBe('INVALID_ARGUMENT');
  });

  it('of classes and values is read back as they were', () => {
    const classes = [
      [
        { label: 'größe"', score: 0.1 },
        { label: '', score: Number.NaN },
      ],
      [],
    ];
    const exact = classes.map((each) =>
      each.map(({ label, score }) => ({ label, score: Math.fround(score) })),
    );
    expect(decodeClassifications(encodeClassifications(classes))).toEqual(exact);
    const values = [0.1, -0, Number.POSITIVE_INFINITY];
    expect(decodeRegressions(encodeRegressions(values))).toEqual(values.map(Math.fround));
  });

  it.each([
    '',
    '{}',
    '{"results":1}',
    '{"results":[["a",1]]}',
    '{"results":[[["a"]]]}',
    '{"results":[[[1,"a"]]]}',
  ])('is no classes: %s', (text) => {
    expect(caught(() => decodeClassifications(bytes(text))).code).toBe('INVALID_ARGUMENT');
  });
});
