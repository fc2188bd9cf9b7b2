import { describe, expect, it } from 'vitest';
import type { DType } from '#dist/core/dtype.js';
import type { Dim, Signature, TensorSpec } from '#dist/core/signature.js';
import { checkInputs, findSignature, selectOutputs } from '#dist/core/signature-check.js';
import { tensor } from '#dist/core/tensor.js';
import { caught } from '../support/caught.js';

const id = { model: 'digits', version: 7 };

function spec(name: string, dtype: DType, shape: Dim[], isOptional = false): TensorSpec {
  return { name, dtype, shape, isOptional };
}

function signature(inputs: Record<string, TensorSpec>, outputs: Record<string, TensorSpec> = {}): Signature {
  return { name: 'serving_default', method: 'predict', inputs, outputs };
}

const f32 = (...shape: number[]) =>
  tensor('float32', shape, new Float32Array(shape.reduce((count, dim) => count * dim, 1)));

const pair = signature({ x: spec('gx', 'float32', [null, 784]), y: spec('gy', 'float32', ['batch']) });
const scale = signature({ x: spec('x', 'float32', [null, 3]), k: spec('k', 'float32', [], true) });
const oddNames = ['__proto__', 'constructor', 'toString', '2', '1', 'a/b:0', '', ' '];
const odd = signature(Object.fromEntries(oddNames.map((name) => [name, spec(name, 'float32', [null])])));

describe('checkInputs', () => {
  it.each<[string, Signature, unknown, number | undefined]>([
    ['the rows of all inputs', pair, { x: f32(3, 784), y: f32(3) }, 3],
    ['zero rows', pair, { x: f32(0, 784), y: f32(0) }, 0],
    ['nothing where rows differ', pair, { x: f32(3, 784), y: f32(2) }, undefined],
    ['nothing for a scalar', scale, { x: f32(2, 3), k: f32() }, undefined],
    ['the rows without the input that has a default', scale, { x: f32(2, 3) }, 2],
    ['nothing where there are no inputs', signature({}), {}, undefined],
    ['the rows, whatever the names', odd, Object.fromEntries(oddNames.map((name) => [name, f32(5)])), 5],
    [
      'the rows of an object without prototype',
      scale,
      Object.assign(Object.create(null), { x: f32(2, 3) }),
      2,
    ],
    [
      'the rows of any rank where no rank is declared',
      signature({ x: spec('x', 'float32', []) }),
      { x: f32(4, 1, 1) },
      4,
    ],
    ['the rows of a fixed axis 0', signature({ x: spec('x', 'float32', [1]) }), { x: f32(1) }, 1],
    [
      'the rows, though equally named axes differ',
      signature({ x: spec('x', 'float32', ['n', 'n']) }),
      { x: f32(1, 2) },
      1,
    ],
  ])('gives %s', (_reason, signed, inputs, rows) => {
    expect(checkInputs(id, signed, inputs)).toBe(rows);
    expect(checkInputs(id, signed, inputs)).toBe(rows);
  });

  it.each<[string, Signature, unknown, string]>([
    ['null', pair, null, 'Cannot run digits@7: inputs is null, expected an object of tensors by alias'],
    [
      'an array',
      pair,
      [f32(1)],
      'Cannot run digits@7: inputs is an array, expected an object of tensors by alias',
    ],
    [
      'a Map',
      pair,
      new Map(),
      'Cannot run digits@7: inputs is a Map, expected an object of tensors by alias',
    ],
    [
      'a typed array',
      pair,
      new Float32Array(1),
      'Cannot run digits@7: inputs is a Float32Array, expected an object of tensors by alias',
    ],
    [
      'nothing at all',
      pair,
      undefined,
      'Cannot run digits@7: inputs is undefined, expected an object of tensors by alias',
    ],
    [
      'too few inputs',
      pair,
      { x: f32(1, 784) },
      'input size does not match signature: 1!=2 len({x}) != len({x,y}). Sent extra: {}. Missing but required: {y}.',
    ],
    [
      'no inputs',
      pair,
      {},
      'input size does not match signature: 0!=2 len({}) != len({x,y}). Sent extra: {}. Missing but required: {x,y}.',
    ],
    [
      'too many inputs',
      pair,
      { z: 1, y: 1, x: 1 },
      'input size does not match signature: 3!=2 len({x,y,z}) != len({x,y}). Sent extra: {z}. Missing but required: {}.',
    ],
    [
      'an input to a model without',
      signature({}),
      { x: f32(1) },
      'input size does not match signature: 1!=0 len({x}) != len({}). Sent extra: {x}. Missing but required: {}.',
    ],
    [
      'too many inputs, with a default',
      scale,
      { a: 1, b: 1, c: 1 },
      'input size does not match signature: 3!=2 len({a,b,c}) != len({k,x}). Sent extra: {a,b,c}. Missing but required: {x}.',
    ],
    [
      'another name in place of one',
      pair,
      { x: f32(1, 784), z: f32(1) },
      'Signature input alias: y(feed name: gy) not found in request and no default value provided. Inputs expected to be in the request {x,z}, or default input alias set: ',
    ],
    [
      'the required input missing beside a default',
      scale,
      { k: f32() },
      'Signature input alias: x(feed name: x) not found in request and no default value provided. Inputs expected to be in the request {k}, or default input alias set: k',
    ],
    [
      'another name in place of a default',
      scale,
      { x: f32(1, 3), z: f32() },
      'Inputs contains invalid name. Used request inputs: x, request input: x,z',
    ],
    [
      'a name from the prototype',
      signature({ constructor: spec('c', 'float32', []) }),
      { x: f32() },
      'Signature input alias: constructor(feed name: c) not found in request and no default value provided. Inputs expected to be in the request {x}, or default input alias set: ',
    ],
    [
      'inputs that are inherited',
      scale,
      Object.create({ x: f32(1, 3) }),
      'Signature input alias: x(feed name: x) not found in request and no default value provided. Inputs expected to be in the request {}, or default input alias set: k',
    ],
    [
      'an input that is undefined',
      scale,
      { x: undefined },
      'Cannot use input "x": undefined, expected a tensor: { dtype, shape, data }',
    ],
    [
      'an input that is no tensor',
      scale,
      { x: [1, 2, 3] },
      'Cannot use input "x": an array, expected a tensor: { dtype, shape, data }',
    ],
  ])('refuses %s', (_reason, signed, inputs, message) => {
    expect(caught(() => checkInputs(id, signed, inputs))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message,
    });
  });

  it.each<[string, TensorSpec, string, string, string]>([
    ['another dtype', spec('x', 'int32', [null, 4]), 'dtype', 'float32', 'int32 [rows,4]'],
    ['another dtype of any shape', spec('x', 'int32', []), 'dtype', 'float32', 'int32'],
    ['too many axes', spec('x', 'float32', [null]), 'shape', '[2,3]', 'float32 [rows]'],
    ['too few axes', spec('x', 'float32', ['n', null, 3]), 'shape', '[2,3]', 'float32 [n,?,3]'],
    [
      'another size of a fixed axis',
      spec('x', 'float32', [null, 784]),
      'shape',
      '[2,3]',
      'float32 [rows,784]',
    ],
    ['another size of a fixed axis 0', spec('x', 'float32', [1, 3]), 'shape', '[2,3]', 'float32 [1,3]'],
  ])('refuses %s', (_reason, declared, property, actual, expected) => {
    const error = caught(() => checkInputs(id, signature({ x: declared }), { x: f32(2, 3) }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', id, input: 'x', actual, expected });
    const theirs = property === 'dtype' ? ' (Expects arg[0] to be int32 but float is provided)' : '';
    expect(error.message).toBe(
      `Cannot run digits@7: input "x" has ${property} ${actual}, expected ${expected}${theirs}`,
    );
  });
});

describe('selectOutputs', () => {
  const out = spec('g', 'float32', [null]);
  const signed: Signature = {
    ...signature({}, { label: out, probabilities: out }),
    unrepresentableOutputs: { map: 'a map from string to float' },
  };

  it('refuses to answer with nothing where none of the outputs can be a tensor', () => {
    const { code, message } = caught(() => selectOutputs(id, { ...signed, outputs: {} }, undefined));
    expect([code, message]).toEqual(['UNIMPLEMENTED', expect.stringContaining('map')]);
  });

  it.each<[string, string[] | undefined, string[]]>([
    ['all where none are named', undefined, ['label', 'probabilities']],
    ['all for an empty list', [], ['label', 'probabilities']],
    ['those named, in that order', ['probabilities', 'label'], ['probabilities', 'label']],
  ])('gives %s', (_reason, requested, selected) => {
    expect(selectOutputs(id, signed, requested)).toEqual(selected);
  });

  it('keeps nothing of the list that it was given', () => {
    const requested = ['label'];
    const selected = selectOutputs(id, signed, requested);
    requested[0] = 'probabilities';
    expect(selected).toEqual(['label']);
  });

  it.each<[string, unknown, string, string]>([
    [
      'an unknown alias',
      ['z'],
      'INVALID_ARGUMENT',
      'output tensor alias not found in signature: z Outputs expected to be in the set {label,probabilities}.',
    ],
    [
      'a name from the prototype',
      ['__proto__'],
      'INVALID_ARGUMENT',
      'output tensor alias not found in signature: __proto__ Outputs expected to be in the set {label,probabilities}.',
    ],
    ['an alias twice', ['label', 'label'], 'INVALID_ARGUMENT', 'duplicate output tensor alias: label'],
    [
      'an output that is no tensor',
      ['map'],
      'UNIMPLEMENTED',
      'Cannot run digits@7: output "map" is a map from string to float, expected a tensor',
    ],
    [
      'a bare alias',
      'label',
      'INVALID_ARGUMENT',
      'Cannot run digits@7: outputs is "label", expected an array of aliases',
    ],
    ['a number', [1], 'INVALID_ARGUMENT', 'Cannot run digits@7: one of outputs is 1, expected an alias'],
  ])('refuses %s', (_reason, requested, code, message) => {
    expect(caught(() => selectOutputs(id, signed, requested as string[]))).toMatchObject({
      id,
      code,
      message,
    });
  });
});

describe('findSignature', () => {
  const signatures = new Map([
    ['serving_default', pair],
    ['scaled', scale],
  ]);

  it.each<[string, string | undefined, Signature]>([
    ['by name', 'scaled', scale],
    ['serving_default without a name', undefined, pair],
    ['serving_default for an empty name', '', pair],
  ])('finds %s', (_reason, name, found) => {
    expect(findSignature(signatures, name)).toBe(found);
  });

  it('refuses a name that is not there', () => {
    expect(caught(() => findSignature(signatures, 'x'))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'Serving signature key "x" not found.',
      actual: 'x',
      expected: 'scaled,serving_default',
    });
  });
});
