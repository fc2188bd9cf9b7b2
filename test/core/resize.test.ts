import fc from 'fast-check';
import { type DType, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import { resizeInner } from '#dist/core/resize.js';

describe('resizeInner', () => {
  it.each([
    ['grows an axis', [2, 1], [1, 2], [2], 9, [1, 9, 2, 9]],
    ['cuts an axis', [2, 2], [1, 2, 3, 4], [1], 9, [1, 3]],
    ['grows one and cuts another', [1, 2, 2], [1, 2, 3, 4], [1, 3], 9, [1, 2, 9]],
    ['fills what has nothing', [2, 0], [], [2], 9, [9, 9, 9, 9]],
    ['leaves nothing', [2, 2], [1, 2, 3, 4], [0], 9, []],
    ['has nothing to do without rows', [0, 2], [], [3], 9, []],
  ])('%s', (_, shape, data, inner, fill, expected) => {
    const resized = resizeInner(tensor('float32', shape, data), inner, fill);
    expect(resized).toEqual(tensor('float32', [shape[0] as number, ...inner], expected));
  });

  it.each<[DType, unknown, unknown]>([
    ['int64', 7n, 1n],
    ['uint64', 7n, 1n],
    ['int64', 0, 1n],
    ['bool', 1, 1],
    ['float16', 0x3c00, 1],
    ['string', '', 'a'],
    ['string', '<pad>', 'a'],
  ])('fills %s with %s', (dtype, fill, element) => {
    const resized = resizeInner(tensor(dtype, [1, 1], [element] as never), [2], fill);
    const expected = fill === 0 ? 0n : fill;
    if (dtype === 'float16') expect(resized.data[1]).toBe(fill);
    else expect(Array.from(resized.data as Iterable<unknown>)).toEqual([element, expected]);
  });

  it('is the tensor itself where nothing changes', () => {
    const x = tensor('float32', [1, 2], [1, 2]);
    expect(resizeInner(x, [2], 0)).toBe(x);
  });

  it('gives back what was there when it is grown and cut again', () => {
    const dims = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(dims, dims, (shape, more) => {
        const count = shape.reduce((product, size) => product * size, 1);
        const x = tensor(
          'int32',
          shape,
          Int32Array.from({ length: count }, (_, index) => index + 1),
        );
        const inner = shape.slice(1);
        const grown = inner.map((size, axis) => size + (more[axis] ?? 0));
        expect(resizeInner(resizeInner(x, grown, 99), inner, 0)).toEqual(x);
      }),
    );
  });
});
