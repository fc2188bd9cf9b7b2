import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DType } from '#dist/core/dtype.js';
import { dtypes } from '#dist/core/dtype.js';
import { commonRowCount, concatRows, padRows, rowCount, sliceRows, splitRows } from '#dist/core/rows.js';
import type { Tensor } from '#dist/core/tensor.js';
import { elementCount, tensor } from '#dist/core/tensor.js';
import { caught } from '../support/caught.js';

const element: Record<DType | 'bytes', fc.Arbitrary<unknown>> = {
  float16: fc.float(),
  bfloat16: fc.float(),
  float32: fc.float(),
  float64: fc.double(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  int32: fc.integer(),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  uint8: fc.nat(255),
  uint16: fc.nat(65535),
  uint32: fc.nat(),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  bool: fc.boolean(),
  string: fc.string({ unit: 'binary' }),
  bytes: fc.uint8Array({ maxLength: 5 }),
};

/** Tensors that differ in their rows alone. */
function stackable(kind: DType | 'bytes'): fc.Arbitrary<Tensor[]> {
  const dtype = kind === 'bytes' ? 'string' : kind;
  const inner = fc.array(fc.nat(3), { maxLength: 2 });
  const counts = fc.array(fc.nat(4), { minLength: 1, maxLength: 5 });
  return fc.tuple(inner, counts).chain(([dims, rows]) =>
    fc.tuple(
      ...rows.map((count) => {
        const shape = [count, ...dims];
        const length = elementCount(shape);
        return fc
          .array(element[kind], { minLength: length, maxLength: length })
          .map((values) => tensor(dtype, shape, values as never) as Tensor);
      }),
    ),
  );
}

describe.each([...dtypes, 'bytes' as const])('rows of %s', (kind) => {
  it('are the same after they were put together and taken apart', () => {
    fc.assert(
      fc.property(stackable(kind), (parts) => {
        const whole = concatRows(parts);
        expect(rowCount(whole)).toBe(parts.reduce((sum, part) => sum + (part.shape[0] as number), 0));
        expect(
          splitRows(
            whole,
            parts.map((part) => part.shape[0] as number),
          ),
        ).toEqual(parts);
      }),
    );
  });

  it('are padded with copies of the first', () => {
    fc.assert(
      fc.property(stackable(kind), fc.nat(3), ([part], more) => {
        const rows = rowCount(part as Tensor) as number;
        fc.pre(rows > 0);
        const padded = padRows(part as Tensor, rows + more);
        expect(sliceRows(padded, 0, rows)).toEqual(part);
        for (let row = rows; row < rows + more; row++) {
          expect(sliceRows(padded, row, row + 1)).toEqual(sliceRows(padded, 0, 1));
        }
      }),
    );
  });
});

describe('splitRows', () => {
  it('copies: no part sees the memory of another', () => {
    // A Buffer's own slice is a view of the pool that other buffers lie in.
    const whole = tensor('uint8', [2, 2], Buffer.from([1, 2, 3, 4]));
    const [first, second] = splitRows(whole, [1, 1]) as [Tensor<'uint8'>, Tensor<'uint8'>];
    expect(first.data.buffer.byteLength).toBe(2);
    expect(second.data.buffer).not.toBe(first.data.buffer);
    expect(first.data).toEqual(Uint8Array.of(1, 2));
  });

  it('copies bytes too', () => {
    const memory = Uint8Array.of(1, 2, 3, 4);
    const [first] = splitRows(tensor('string', [2], [memory.subarray(0, 2), memory.subarray(2)]), [1, 1]);
    expect((first as Tensor<'string'>).data[0]).toHaveProperty('buffer.byteLength', 2);
  });

  it('keeps the classes', () => {
    const scores = { ...tensor('float32', [2, 2], [1, 2, 3, 4]), classes: ['a', 'b'] };
    expect(splitRows(scores, [1, 1]).map((part) => part.classes)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    expect(concatRows(splitRows(scores, [1, 1]))).toEqual(scores);
  });

  it('deals out zero rows, in zero parts too', () => {
    const none = tensor('int8', [0, 3], []);
    expect(splitRows(none, [])).toEqual([]);
    expect(splitRows(none, [0, 0])).toEqual([none, none]);
  });

  it.each<[string, Tensor, number[], string]>([
    [
      'too few rows',
      tensor('int8', [3], [1, 2, 3]),
      [1, 1],
      'Cannot split 3 rows into [1,1], expected counts that add up',
    ],
    [
      'a negative count',
      tensor('int8', [1], [1]),
      [2, -1],
      'Cannot split 1 rows into [2,-1], expected counts that add up',
    ],
    [
      'a fraction',
      tensor('int8', [1], [1]),
      [0.5, 0.5],
      'Cannot split 1 rows into [0.5,0.5], expected counts that add up',
    ],
    ['a scalar', tensor('int8', [], [1]), [1], 'Cannot split a scalar by rows'],
  ])('refuses %s', (_reason, whole, counts, message) => {
    expect(caught(() => splitRows(whole, counts))).toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });
});

describe('concatRows', () => {
  it('copies a single tensor', () => {
    const only = tensor('float32', [1], Float32Array.of(1));
    expect(concatRows([only])).toEqual(only);
    expect(concatRows([only]).data).not.toBe(only.data);
  });

  it('turns text into bytes where one tensor has text and another bytes', () => {
    const text = tensor('string', [2], ['é', '\ud800']);
    const bytes = tensor('string', [1], [Uint8Array.of(255)]);
    expect(concatRows([text, bytes]).data).toEqual([
      Uint8Array.of(0xc3, 0xa9),
      Uint8Array.of(0xef, 0xbf, 0xbd),
      Uint8Array.of(255),
    ]);
    expect(concatRows([tensor('string', [0], []), text]).data).toEqual(text.data);
  });

  it('passes over an empty tensor whose buffer is gone', () => {
    const gone = new Float32Array(1);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(concatRows([tensor('float32', [0], gone), tensor('float32', [1], [1])]).data).toEqual(
      Float32Array.of(1),
    );
  });

  it('drops classes that differ', () => {
    const scores = tensor('float32', [1, 1], [1]);
    expect(
      concatRows([
        { ...scores, classes: ['a'] },
        { ...scores, classes: ['b'] },
      ]),
    ).not.toHaveProperty('classes');
    expect(concatRows([{ ...scores, classes: ['a'] }, scores])).not.toHaveProperty('classes');
  });

  it.each<[string, Tensor[], string]>([
    ['nothing', [], 'Cannot concatenate the rows of no tensors'],
    [
      'two dtypes',
      [tensor('int8', [1], [1]), tensor('uint8', [1], [1])],
      'Cannot concatenate uint8 [1] to int8 [1], expected int8 [1] but for axis 0',
    ],
    [
      'other inner axes',
      [tensor('int8', [1, 2], [1, 1]), tensor('int8', [2, 1], [1, 1])],
      'Cannot concatenate int8 [2,1] to int8 [1,2], expected int8 [1,2] but for axis 0',
    ],
    [
      'another rank',
      [tensor('int8', [1], [1]), tensor('int8', [1, 1], [1])],
      'Cannot concatenate int8 [1,1] to int8 [1], expected int8 [1] but for axis 0',
    ],
    [
      'a scalar',
      [tensor('int8', [], [1])],
      'Cannot concatenate int8 [] to int8 [], expected tensors of rank 1 or more',
    ],
  ])('refuses %s', (_reason, parts, message) => {
    expect(caught(() => concatRows(parts))).toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });
});

describe('sliceRows and padRows', () => {
  const pair = tensor('int8', [2], [1, 2]);

  it('takes rows from the middle, and none', () => {
    expect(sliceRows(tensor('int8', [3], [1, 2, 3]), 1, 2).data).toEqual(Int8Array.of(2));
    expect(sliceRows(pair, 2, 2)).toEqual(tensor('int8', [0], []));
  });

  it('returns what has the rows already', () => {
    expect(padRows(pair, 2)).toBe(pair);
  });

  it.each<[string, () => unknown, string]>([
    ['rows beyond the end', () => sliceRows(pair, 1, 3), 'Cannot take rows 1 to 3 of 2'],
    ['rows backwards', () => sliceRows(pair, 1, 0), 'Cannot take rows 1 to 0 of 2'],
    ['rows of a scalar', () => sliceRows(tensor('int8', [], [1]), 0, 1), 'Cannot slice a scalar by rows'],
    ['padding to fewer rows', () => padRows(pair, 1), 'Cannot pad 2 rows to 1'],
    [
      'padding of no rows',
      () => padRows(tensor('int8', [0], []), 2),
      'Cannot pad 0 rows to 2: there is no row to repeat',
    ],
    ['padding of a scalar', () => padRows(tensor('int8', [], [1]), 1), 'Cannot pad a scalar by rows'],
  ])('refuses %s', (_reason, action, message) => {
    expect(caught(action)).toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });
});

describe('commonRowCount', () => {
  const of = (...shape: number[]) => tensor('int8', shape, new Int8Array(elementCount(shape)));
  it.each([
    ['the rows of one tensor', { a: of(3, 2) }, 3],
    ['the rows that all have', { a: of(3, 2), b: of(3) }, 3],
    ['zero rows', { a: of(0, 2), b: of(0) }, 0],
    ['nothing for unequal rows', { a: of(3), b: of(2) }, undefined],
    ['nothing for a scalar', { a: of(3), b: of() }, undefined],
    ['nothing for a scalar that comes first', { a: of(), b: of(3) }, undefined],
    ['nothing for no tensors', {}, undefined],
    ['the rows under odd names', Object.fromEntries([['__proto__', of(4)]]), 4],
  ])('is %s', (_reason, tensors, rows) => {
    expect(commonRowCount(tensors)).toBe(rows);
  });

  it('is undefined for the rows of a scalar', () => {
    expect(rowCount(of())).toBeUndefined();
  });
});
