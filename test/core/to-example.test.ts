import type { Example, ExampleInput } from 'servable';
import { describe, expect, it } from 'vitest';
import { toExamples } from '#dist/core/to-example.js';
import { caught } from '../support/caught.js';

const features = (example: ExampleInput) => Object.fromEntries(toExamples([example])[0] as Example);

describe('a value of a feature', () => {
  it.each<[string, ExampleInput[string & keyof ExampleInput], unknown]>([
    ['a number is a float', 1, { kind: 'float', values: [1] }],
    ['numbers are floats', [0.5, 2], { kind: 'float', values: [0.5, 2] }],
    ['an array of floats is one', Float64Array.of(0.5), { kind: 'float', values: [0.5] }],
    ['a bigint is an integer', 3n, { kind: 'int64', values: [3n] }],
    ['booleans are integers', [true, 0n], { kind: 'int64', values: [1n, 0n] }],
    ['an array of integers is one', Int16Array.of(-1), { kind: 'int64', values: [-1n] }],
    ['one of unsigned integers, too', BigUint64Array.of(7n), { kind: 'int64', values: [7n] }],
    ['a string is bytes', 'ä', { kind: 'bytes', values: [Uint8Array.of(0xc3, 0xa4)] }],
    ['bytes are bytes', Uint8Array.of(1, 2), { kind: 'bytes', values: [Uint8Array.of(1, 2)] }],
    [
      'strings may be mixed with bytes',
      ['a', Uint8Array.of(1)],
      { kind: 'bytes', values: [Uint8Array.of(97), Uint8Array.of(1)] },
    ],
    ['a feature says itself what it is', { kind: 'int64', values: [5n] }, { kind: 'int64', values: [5n] }],
  ] as never)('%s', (_what, value, feature) => {
    expect(features({ x: value } as ExampleInput)).toEqual({ x: feature });
    expect(features(new Map([['x', value]]) as never)).toEqual({ x: feature });
  });

  it('that is missing, or an empty list, is left out', () => {
    expect(features({ x: undefined, y: [] })).toEqual({});
  });

  it('is copied', () => {
    const bytes = Uint8Array.of(1);
    const [example] = toExamples([{ x: bytes }]);
    bytes[0] = 2;
    expect(example?.get('x')?.values).toEqual([Uint8Array.of(1)]);
  });

  it.each<[string, unknown, string]>([
    [
      'an integer of more than 64 bits',
      2n ** 63n,
      'its value 0 is 9223372036854775808n, expected a value of kind int64',
    ],
    ['null', null, 'its value 0 is null, expected a number, bigint, boolean, string or Uint8Array'],
    [
      'lists in a list',
      [[1]],
      'its value 0 is an array, expected a number, bigint, boolean, string or Uint8Array',
    ],
    [
      'what is not of its own kind',
      { kind: 'float', values: [1n] },
      'its value 0 is 1n, expected a value of kind float',
    ],
  ])('is refused: %s', (_what, value, why) => {
    const error = caught(() => toExamples([{}, { x: value }] as never));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', input: 'x' });
    expect(error.message).toBe(`Cannot use feature "x" of example 1: ${why}`);
  });
});
