import { type Example, type Examples, type Feature, type Signature, type Tensor, tensor } from 'servable';
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

describe('plain objects as examples', () => {
  const make = (dtype: string, shape: unknown, given: readonly unknown[], more = {}) => {
    const inputs = { x: { name: 'x', dtype, shape, ...more } };
    const signature = { name: 's', method: 'predict', outputs: {}, inputs } as Signature;
    return examplesToInputs(signature, given as Examples) as { x: Tensor };
  };
  const rows = (...values: unknown[]) => values.map((x) => ({ x }));
  const open = ['n', null];

  it.each<[string, string, unknown[], number[], unknown[]]>([
    [
      'numbers',
      'float32',
      [
        [1, 2.5],
        [3, 4],
      ],
      [2, 2],
      [1, 2.5, 3, 4],
    ],
    ['numbers that are rounded', 'float32', [0.1], [1, 1], [Math.fround(0.1)]],
    ['numbers that are no number', 'float64', [[NaN, -Infinity, -0]], [1, 3], [NaN, -Infinity, -0]],
    ['float16, as bits', 'float16', [[1, 65504]], [1, 2], [0x3c00, 0x7bff]],
    ['bfloat16, as bits', 'bfloat16', [1n], [1, 1], [0x3f80]],
    ['whole numbers in their range', 'int8', [[-128, 127]], [1, 2], [-128, 127]],
    ['the largest uint32', 'uint32', [2 ** 32 - 1], [1, 1], [2 ** 32 - 1]],
    ['safe integers', 'int64', [[-(2 ** 53) + 1, 5]], [1, 2], [-(2n ** 53n) + 1n, 5n]],
    ['bigints', 'int64', [[-(2n ** 63n), 2n ** 63n - 1n]], [1, 2], [-(2n ** 63n), 2n ** 63n - 1n]],
    ['the largest uint64', 'uint64', [2n ** 64n - 1n], [1, 1], [2n ** 64n - 1n]],
    ['bigints as small integers', 'uint8', [[0n, 255n]], [1, 2], [0, 255]],
    ['bigints as floats', 'float32', [[1n, true]], [1, 2], [1, 1]],
    ['booleans', 'bool', [[true, false]], [1, 2], [1, 0]],
    ['booleans as integers', 'int32', [true], [1, 1], [1]],
    ['booleans as large integers', 'int64', [true], [1, 1], [1n]],
    ['0 and 1 as bool', 'bool', [[0, 1]], [1, 2], [0, 1]],
    ['strings', 'string', ['é', ''], [2, 1], ['é', '']],
    ['strings and their bytes', 'string', [['a', Uint8Array.of(98)]], [1, 2], ['a', 'b']],
    [
      'bytes where one is no text',
      'string',
      [['a', Uint8Array.of(255)]],
      [1, 2],
      [Uint8Array.of(97), Uint8Array.of(255)],
    ],
    ['a Uint8Array as one string', 'string', [Uint8Array.of(97, 98)], [1, 1], ['ab']],
    ['a Uint8Array as many numbers', 'float32', [Buffer.from([97, 98])], [1, 2], [97, 98]],
    ['typed arrays', 'float32', [Float64Array.of(1, 2), Int16Array.of(3, 4)], [2, 2], [1, 2, 3, 4]],
    ['arrays of large integers', 'int64', [BigInt64Array.of(-1n), BigUint64Array.of(1n)], [2, 1], [-1n, 1n]],
    ['arrays of large integers as small', 'int16', [BigInt64Array.of(-1n)], [1, 1], [-1]],
    ['typed arrays of integers as integers', 'int64', [Uint32Array.of(7)], [1, 1], [7n]],
    ['no values', 'float32', [[], []], [2, 0], []],
    ['no strings', 'string', [[]], [1, 0], []],
    ['several kinds in several examples', 'int64', [1, 2n, true], [3, 1], [1n, 2n, 1n]],
  ])('become inputs: %s', (_what, dtype, values, shape, data) => {
    const { x } = make(dtype, open, rows(...values));
    expect([x.dtype, x.shape, [...(x.data as Iterable<unknown>)]]).toEqual([dtype, shape, data]);
    if (dtype !== 'string') expect(x).toEqual(tensor(x.dtype, x.shape, x.data));
  });

  it.each<[string, string, unknown, string]>([
    ['null', 'float32', null, 'it has null, expected numbers, bigints, booleans, strings or Uint8Arrays'],
    ['a function', 'float32', () => 1, 'it has a function, expected numbers'],
    ['an object', 'float32', { kind: 'float', values: [1] }, 'it has an object, expected numbers'],
    ['a view of bytes', 'string', new DataView(new ArrayBuffer(1)), 'it has a DataView, expected numbers'],
    ['a nested array', 'float32', [[1]], 'it has an array, expected numbers'],
    [
      'a nested array later',
      'float32',
      [1, [1]],
      'its value 1 is an array, expected a number, as value 0 is',
    ],
    ['a hole', 'float32', Object.assign(new Array(3), { 0: 1, 2: 1 }), 'its value 1 is undefined'],
    ['numbers and bigints', 'int64', [1, 1n], 'its value 1 is 1, expected a number'],
    ['bigints and numbers', 'int64', [1n, 1], 'its value 1 is 1, expected a bigint or a boolean'],
    ['strings and numbers', 'string', ['a', 1], 'its value 1 is 1, expected a string or bytes'],
    ['text for numbers', 'float32', 'a', 'it is a bytes_list, and the input is float32'],
    ['numbers for text', 'string', 1, 'it is numbers, and the input is string'],
    ['fractions for integers', 'int32', 1.5, 'it has 1.5, and the input is int32'],
    ['what is too large', 'uint8', 256, 'it has 256, and the input is uint8'],
    ['what is below 0', 'uint64', -1, 'it has -1, and the input is uint64'],
    ['NaN for integers', 'int64', NaN, 'it has NaN, and the input is int64'],
    ['numbers that may be another', 'int64', 2 ** 53, 'it has 9007199254740992, and the input is int64'],
    ['bigints that are too large', 'int64', 2n ** 63n, 'it has 9223372036854775808, and the input is int64'],
    ['bigints that no float is meant for', 'float64', 10n ** 400n, 'and the input is float64'],
    ['2 for bool', 'bool', 2, 'it has 2, and the input is bool'],
  ])('are refused with %s', (_what, dtype, value, message) => {
    const error = caught(() => make(dtype, open, rows(value)));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', input: 'x' });
    expect(error.message.startsWith('Cannot use feature "x" of example 0: ')).toBe(true);
    expect(error.message).toContain(message);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'got undefined, expected an array of examples'],
    ['a string', 'abc', 'got "abc", expected an array of examples'],
    [
      'a list with null in it',
      [{ x: 1 }, null],
      'Cannot use example 1: it is null, expected an object of values',
    ],
    ['a list of lists', [[1]], 'Cannot use example 0: it is an array, expected an object of values'],
    ['a list of arrays', [new Float32Array(1)], 'Cannot use example 0: it is a Float32Array'],
    ['a list with a hole', new Array(1), 'Cannot use example 0: it is undefined'],
    ['a Map of values', [new Map([['x', 1]])], 'it is 1, expected { kind: bytes, float or int64, values }'],
    ['a Map of null', [new Map([['x', null]])], 'it is null, expected { kind'],
    [
      'a Map of a foreign kind',
      [new Map([['x', { kind: 'number', values: [1] }]])],
      'it is an object, expected { kind',
    ],
    ['a Map without values', [new Map([['x', { kind: 'float' }]])], 'it is an object, expected { kind'],
    [
      'floats that are none',
      [new Map([['x', { kind: 'float', values: ['1'] }]])],
      'its value 0 is "1", expected a number',
    ],
    [
      'integers that are none',
      [new Map([['x', { kind: 'int64', values: [1] }]])],
      'its value 0 is 1, expected a bigint',
    ],
    ['a feature of the prototype', [{}], 'Cannot use feature "x" of example 0: it is missing'],
    ['a feature that is undefined', [{ x: undefined }], 'Cannot use feature "x" of example 0: it is missing'],
  ])('are no examples: %s', (_what, given, message) => {
    const error = caught(() => make('float32', open, given as never));
    expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining(message)]);
  });

  it('may have features that no input is named after, whatever they hold', () => {
    expect(make('int8', ['n'], [{ x: 1, y: null, z: () => {} }]).x).toEqual(tensor('int8', [1], [1]));
  });

  it('take features by names that objects have of themselves', () => {
    const inputs = JSON.parse(
      '{"__proto__": {"name": "p", "dtype": "int8", "shape": ["n"]}, "toString": {"name": "t", "dtype": "int8", "shape": ["n"]}}',
    );
    const signature: Signature = { name: 's', method: 'predict', outputs: {}, inputs };
    const made = examplesToInputs(signature, [JSON.parse('{"__proto__": 1, "toString": 2}')]);
    expect(Object.entries(made).map(([alias, { data }]) => [alias, data[0]])).toEqual([
      ['__proto__', 1],
      ['toString', 2],
    ]);
    expect(caught(() => examplesToInputs(signature, [{}])).message).toContain('"__proto__" of example 0');
  });

  it('share no memory with the inputs', () => {
    const floats = Float32Array.of(1);
    const bytes = Uint8Array.of(255);
    expect(make('float32', open, rows(floats)).x.data).not.toBe(floats);
    const { x } = make('string', open, rows(bytes));
    bytes[0] = 0;
    expect(x.data).toEqual([Uint8Array.of(255)]);
  });

  it.each([
    ['many', 10_000, 100],
    ['long', 1, 1_000_000],
  ])('may be %s', (_what, count, width) => {
    const floats = Array.from({ length: width }, (_, at) => at);
    const { x } = make('float32', open, new Array(count).fill({ x: floats }));
    expect([x.shape, x.data.length, x.data[width], x.data.at(-1)]).toEqual([
      [count, width],
      count * width,
      count > 1 ? 0 : undefined,
      width - 1,
    ]);
    const big = make('int64', open, new Array(count).fill({ x: new BigInt64Array(width) }));
    expect(big.x.data.length).toBe(count * width);
    const { x: texts } = make('string', open, [{ x: new Array(width).fill('a') }]);
    expect(texts.data.length).toBe(width);
  });

  it('are refused where there is no memory for them', () => {
    const long = Object.assign(new Array(2 ** 32 - 1), { 0: 1 });
    const error = caught(() => make('float64', open, new Array(10_000).fill({ x: long })));
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', input: 'x' });
  });

  describe('with an input that has a default', () => {
    const optional = { isOptional: true };
    const scale = (...values: unknown[]) => make('float32', [], rows(...values), optional);

    it('leave it out, or give all rows the same', () => {
      expect(scale(undefined, undefined)).toEqual({});
      expect(scale(2, 2, 2n)).toEqual({ x: tensor('float32', [], [2]) });
      expect(make('string', [2], rows(['a', 'b'], ['a', 'b']), optional)).toEqual({
        x: tensor('string', [2], ['a', 'b']),
      });
      const bytes = () => Uint8Array.of(255);
      expect(make('string', [1], rows(bytes(), bytes()), optional).x.data).toEqual([bytes()]);
      expect(make('float32', [3, 0], rows([], []), optional)).toEqual({ x: tensor('float32', [3, 0], []) });
    });

    it('are refused where some give it and others do not, or something else', () => {
      expect(caught(() => scale(undefined, 2)).message).toContain(
        'example 0: it is missing, and other examples',
      );
      expect(caught(() => scale(2, undefined)).message).toContain(
        'example 1: it is missing, and other examples',
      );
      expect(caught(() => scale(2, 2, 3)).message).toContain(
        'example 2: its values are not those of example 0',
      );
      expect(caught(() => scale([2, 2])).message).toContain('it has 2 values, and a row of the input has 1');
    });
  });
});
