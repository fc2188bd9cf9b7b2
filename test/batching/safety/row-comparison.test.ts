import { type DType, type TensorInput, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { compareRows, findDifference, findShapeFault } from '#dist/batching/safety/row-comparison.js';

const of = <D extends DType>(dtype: D, data: TensorInput<D>, shape = [data.length]) =>
  tensor(dtype, shape, data);
const bytes = (...values: number[]) => Uint8Array.from(values);

describe('takes as the same', () => {
  it.each([
    ['float32 that differs by rounding', of('float32', [1, 100]), of('float32', [1.05, 100])],
    ['float32 that cancelled out to nearly nothing', of('float32', [0]), of('float32', [5e-7])],
    ['float64 that differs by rounding', of('float64', [1000]), of('float64', [1000.5])],
    ['float16 within a few of its steps', of('float16', [1]), of('float16', [1.005])],
    ['bfloat16 within two of its steps', of('bfloat16', [1]), of('bfloat16', [1.0157])],
    ['NaN and NaN', of('float32', [NaN, 1]), of('float32', [NaN, 1])],
    ['infinities of one sign', of('float32', [Infinity, -Infinity]), of('float32', [Infinity, -Infinity])],
    ['0 and -0', of('float64', [0]), of('float64', [-0])],
    ['tensors without elements', of('float32', [], [1, 0]), of('float32', [], [1, 0])],
    ['a text and its bytes', of('string', ['größe']), of('string', [new TextEncoder().encode('größe')])],
  ])('%s', (_, actual, expected) => {
    expect(findDifference(actual, expected)).toBeUndefined();
  });
});

describe('tells apart', () => {
  it.each([
    ['dtypes', of('float32', [1]), of('float64', [1]), ['float32 [1]', 'float64 [1]']],
    ['shapes', of('int8', [1, 2], [1, 2]), of('int8', [1, 2], [2, 1]), ['int8 [1,2]', 'int8 [2,1]']],
    [
      'float32 that differs by more than rounding',
      of('float32', [1.1, 10]),
      of('float32', [1, 10]),
      ['1.1', '1'],
    ],
    ['float16 that differs by more than rounding', of('float16', [1.25]), of('float16', [1]), ['1.25', '1']],
    [
      'bfloat16 that differs by more than rounding',
      of('bfloat16', [1.25]),
      of('bfloat16', [1]),
      ['1.25', '1'],
    ],
    ['NaN and a number', of('float32', [NaN]), of('float32', [1]), ['NaN', '1']],
    ['a number and NaN', of('float32', [1]), of('float32', [NaN]), ['1', 'NaN']],
    ['a number and infinity', of('float32', [1]), of('float32', [Infinity]), ['1', 'Infinity']],
    ['infinities', of('float16', [-Infinity]), of('float16', [Infinity]), ['-Infinity', 'Infinity']],
    [
      'integers that differ by one',
      of('int64', [2n ** 62n]),
      of('int64', [2n ** 62n + 1n]),
      [String(2n ** 62n), String(2n ** 62n + 1n)],
    ],
    ['bools', of('bool', [true]), of('bool', [false]), ['1', '0']],
    ['texts', of('string', ['a']), of('string', ['b']), ['"a"', '"b"']],
    ['bytes', of('string', [bytes(65)]), of('string', [bytes(66)]), ['"A"', '"B"']],
  ])('%s', (_, actual, expected, difference) => {
    expect(findDifference(actual, expected)).toEqual(difference);
  });
});

it('forgives a tenth where rounding may have been amplified, and no more', () => {
  expect(findDifference(of('float32', [10.9]), of('float32', [10]), 'amplified')).toBeUndefined();
  expect(findDifference(of('float32', [11.1]), of('float32', [10]), 'amplified')).toBeDefined();
  expect(findDifference(of('int32', [10]), of('int32', [11]), 'amplified')).toBeDefined();
});

it('names the output, the row and both values', () => {
  const together = { same: of('int8', [1, 2]), y: of('float32', [0.25, 0.52]) };
  const alone = [
    { same: of('int8', [1]), y: of('float32', [0.25]) },
    { same: of('int8', [2]), y: of('float32', [0.31]) },
  ];
  expect(compareRows(together, alone)).toBe(
    'output "y" of row 1 is 0.52 together with other rows and 0.31 alone',
  );
});

it('measures rounding by the row, not by greater ones beside it', () => {
  const together = { y: of('float32', [0.12, 1000]) };
  const alone = [{ y: of('float32', [0.1]) }, { y: of('float32', [1000]) }];
  expect(compareRows(together, alone)).toMatch(/row 0 is 0.12/);
});

describe('wants a row on axis 0 for each of the input', () => {
  it.each([
    ['all there', of('float32', [1, 2]), undefined],
    ['a scalar', of('float32', [1], []), 'output "y" has no axis 0'],
    ['too few', of('float32', [1]), 'output "y" has 1 row for 2 rows of input'],
    ['none', of('float32', [], [0, 2]), 'output "y" has 0 rows for 2 rows of input'],
    ['too many', of('float32', [1, 2, 3]), 'output "y" has 3 rows for 2 rows of input'],
  ])('%s', (_, y, fault) => {
    expect(findShapeFault({ y }, 2)).toBe(fault);
  });
});
