import { type Example, type Feature, type Signature, type Tensor, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { examplesToInputs } from '#dist/core/examples-to-inputs.js';
import { caught } from '../support/caught.js';

describe('examples', () => {
  const signature = (dtype: string, shape: unknown, more = {}): Signature =>
    ({
      name: 's',
      method: 'predict',
      outputs: {},
      inputs: { x: { name: 'x', dtype, shape, ...more } },
    }) as Signature;
  const feature = (kind: string, ...values: unknown[]) => ({ kind, values }) as Feature;
  const rows = (...features: (Feature | undefined)[]): Example[] =>
    features.map((each) => new Map(each === undefined ? [] : [['x', each]]));

  it.each<[string, string, unknown, Feature[], unknown]>([
    [
      'floats',
      'float32',
      ['n', 2],
      [feature('float', 1, 2), feature('float', 3, 4)],
      [
        [2, 2],
        [1, 2, 3, 4],
      ],
    ],
    ['one value a row', 'float64', ['n'], [feature('float', 1), feature('float', 2)], [[2], [1, 2]]],
    ['integers as floats', 'float32', ['n', 1], [feature('int64', 1n)], [[1, 1], [1]]],
    [
      'integers',
      'int8',
      ['n', null],
      [feature('int64', -128n, 127n)],
      [
        [1, 2],
        [-128, 127],
      ],
    ],
    ['large integers', 'uint64', ['n', null], [feature('int64', 2n ** 62n)], [[1, 1], [2n ** 62n]]],
    [
      'bool',
      'bool',
      ['n', 2],
      [feature('int64', 0n, 1n)],
      [
        [1, 2],
        [0, 1],
      ],
    ],
    [
      'text',
      'string',
      ['n', null],
      [feature('bytes', Buffer.from('a'), Buffer.from('ä'))],
      [
        [1, 2],
        ['a', 'ä'],
      ],
    ],
    [
      'an open dimension between fixed ones',
      'float32',
      ['n', 2, 'm', 1],
      [feature('float', 1, 2, 3, 4, 5, 6)],
      [
        [1, 2, 3, 1],
        [1, 2, 3, 4, 5, 6],
      ],
    ],
  ])('become inputs: %s', (_what, dtype, shape, features, expected) => {
    const { x } = examplesToInputs(signature(dtype, shape), rows(...features)) as { x: Tensor };
    expect([x.dtype, x.shape, [...(x.data as Iterable<unknown>)]]).toEqual([
      dtype,
      ...(expected as unknown[]),
    ]);
  });

  it('are bytes in all rows where one of them is no text', () => {
    const { x } = examplesToInputs(
      signature('string', ['n']),
      rows(feature('bytes', Uint8Array.of(97)), feature('bytes', Uint8Array.of(0xff))),
    ) as { x: Tensor };
    expect(x.data).toEqual([Uint8Array.of(97), Uint8Array.of(0xff)]);
  });

  it('are one value a row where the model states no axes', () => {
    const inputs = examplesToInputs(signature('float32', []), rows(feature('float', 1), feature('float', 2)));
    expect(inputs).toEqual({ x: tensor('float32', [2], [1, 2]) });
  });

  it('leave an optional input out that none has', () => {
    expect(examplesToInputs(signature('float32', ['n'], { isOptional: true }), rows(undefined))).toEqual({});
  });

  it.each<[string, string, unknown, (Feature | undefined)[], string]>([
    ['none at all', 'float32', ['n'], [], 'Input is empty.'],
    [
      'a missing feature',
      'float32',
      ['n'],
      [feature('float', 1), undefined],
      'Cannot use feature "x" of example 1: it is missing',
    ],
    [
      'floats for integers',
      'int32',
      ['n'],
      [feature('float', 1)],
      'it is a float_list, and the input is int32',
    ],
    [
      'text for numbers',
      'float32',
      ['n'],
      [feature('bytes', Buffer.from('1'))],
      'it is a bytes_list, and the input is float32',
    ],
    [
      'numbers for text',
      'string',
      ['n'],
      [feature('int64', 1n)],
      'it is an int64_list, and the input is string',
    ],
    ['what is too large', 'int8', ['n'], [feature('int64', 128n)], 'it has 128, and the input is int8'],
    ['what is below 0', 'uint32', ['n'], [feature('int64', -1n)], 'it has -1, and the input is uint32'],
    ['a bool of 2', 'bool', ['n'], [feature('int64', 2n)], 'it has 2, and the input is bool'],
    [
      'unequal rows',
      'float32',
      ['n', null],
      [feature('float', 1), feature('float', 1, 2)],
      'example 1: it has 2 values, and that of example 0 has 1',
    ],
    [
      'a wrong count',
      'float32',
      ['n', 3],
      [feature('float', 1)],
      'it has 1 values, and a row of the input has 3',
    ],
    [
      'two open dimensions',
      'float32',
      ['n', null, null],
      [feature('float', 1)],
      'more than one open dimension',
    ],
  ])('are refused with %s', (_what, dtype, shape, features, message) => {
    expect(caught(() => examplesToInputs(signature(dtype, shape), rows(...features)))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });
});
