import { runInNewContext } from 'node:vm';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { DType } from '#dist/core/dtype.js';
import { dtypes, elementBytes, newData } from '#dist/core/dtype.js';
import type { NativeFloat16Array, Tensor } from '#dist/core/tensor.js';
import { assertTensor, elementCount, tensor } from '#dist/core/tensor.js';
import { caught } from '../support/caught.js';

describe('tensor', () => {
  it('keeps a typed array, and copies the shape', () => {
    const data = new Float32Array(64);
    const shape = [1, 64];
    const made = tensor('float32', shape, data);
    shape[0] = 9;
    expect(made.data).toBe(data);
    expect(made).toEqual({ dtype: 'float32', shape: [1, 64], data });
  });

  it.each(dtypes)('takes the array of %s, and an empty plain one', (dtype) => {
    expect(tensor(dtype, [2, 2], newData(dtype, 4)).data).toHaveLength(4);
    expect(tensor(dtype, [0, 3], []).data).toHaveLength(0);
    expect(elementBytes(dtype)).toBe(dtype === 'string' ? undefined : newData(dtype, 1).BYTES_PER_ELEMENT);
  });

  it('takes a scalar', () => {
    expect(tensor('int64', [], [5])).toEqual({ dtype: 'int64', shape: [], data: BigInt64Array.of(5n) });
  });

  it('rounds numbers to float16 and takes a Uint16Array for raw bits', () => {
    expect(tensor('float16', [2], [1, 0.1]).data).toEqual(Uint16Array.of(0x3c00, 0x2e66));
    expect(tensor('float16', [1], Float32Array.of(1)).data).toEqual(Uint16Array.of(0x3c00));
    expect(tensor('bfloat16', [1], Float32Array.of(1)).data).toEqual(Uint16Array.of(0x3f80));
    expect(tensor('float16', [1], Uint16Array.of(1)).data).toEqual(Uint16Array.of(1));
  });

  it('views a Uint8ClampedArray and keeps a Buffer', () => {
    const pixels = new Uint8ClampedArray([1, 2, 3]).subarray(1);
    const viewed = tensor('uint8', [2], pixels).data;
    expect(viewed).toEqual(Uint8Array.of(2, 3));
    expect(viewed.buffer).toBe(pixels.buffer);
    const bytes = Buffer.from([0, 1]);
    expect(tensor('bool', [2], bytes).data).toBe(bytes);
  });

  it.skipIf(!('Float16Array' in globalThis))('views a native Float16Array as bits', () => {
    const native = new (
      globalThis as unknown as { Float16Array: new (values: number[]) => NativeFloat16Array }
    ).Float16Array([1, 2]);
    expect(tensor('float16', [2], native).data).toEqual(Uint16Array.of(0x3c00, 0x4000));
  });

  it.each<[string, () => unknown, string]>([
    [
      'too few elements',
      () => tensor('int8', [2, 2], [1]),
      'Cannot make a tensor of int8: 1 element of data, expected 4 for shape [2,2]',
    ],
    [
      'an element out of range',
      () => tensor('uint8', [1], [256]),
      'Cannot convert element 0 to uint8: it is 256, expected an integer from 0 to 255',
    ],
    [
      'an unknown dtype',
      () => tensor('float' as DType, [1], [1]),
      `Cannot make a tensor of float: dtype "float", expected one of ${dtypes.join(', ')}`,
    ],
    [
      'another typed array',
      () => tensor('float32', [1], new Float64Array(1) as unknown as Float32Array),
      'Cannot make a tensor of float32: a Float64Array as data, expected a Float32Array, as the dtype is float32',
    ],
    [
      'no shape',
      () => tensor('float32', 1 as unknown as number[], [1]),
      'Cannot make a tensor of float32: shape 1, expected an array of non-negative integers',
    ],
  ])('refuses %s', (_reason, action, message) => {
    expect(caught(action)).toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });

  it('knows its dtype', () => {
    const floats = tensor('float32', [1], [1]);
    expectTypeOf(floats).toEqualTypeOf<Tensor<'float32'>>();
    expectTypeOf(floats.data).toEqualTypeOf<Float32Array>();
    expectTypeOf(tensor('int64', [1], [1n]).data).toEqualTypeOf<BigInt64Array>();
    expectTypeOf(tensor('int8' as DType, [0], [])).toEqualTypeOf<Tensor>();
    expectTypeOf(floats).toExtend<Tensor>();
    // @ts-expect-error text is no number
    expect(() => tensor('float32', [1], ['1'])).toThrow();
    // @ts-expect-error a float32 is not a float64
    expect(() => tensor('float64', [1], new Float32Array(1))).toThrow();
    // @ts-expect-error an int32 takes no bigint
    expect(() => tensor('int32', [1], [1n])).toThrow();
  });
});

describe('elementCount', () => {
  it.each([
    ['a scalar', [], 1],
    ['a vector', [7], 7],
    ['a matrix', [3, 4], 12],
    ['an empty axis', [3, 0, 4], 0],
    ['the most that is exact', [2 ** 53 - 1], 2 ** 53 - 1],
  ])('counts %s', (_reason, shape, count) => {
    expect(elementCount(shape)).toBe(count);
  });

  it.each([
    ['a negative axis', [2, -1], 'shape [2,-1], expected an array of non-negative integers'],
    ['a fraction', [1.5], 'shape [1.5], expected an array of non-negative integers'],
    ['a hole', new Array<number>(1), 'shape [undefined], expected an array of non-negative integers'],
    [
      'a product beyond 2^53',
      [2 ** 30, 2 ** 30],
      'shape [1073741824,1073741824], expected at most 2^53 - 1 elements',
    ],
    ['a product beyond float64', new Array<number>(30).fill(2 ** 50), 'expected at most 2^53 - 1 elements'],
  ])('refuses %s', (_reason, shape, message) => {
    const error = caught(() => elementCount(shape));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain(message);
  });
});

describe('assertTensor', () => {
  const detached = new Float32Array(2);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  // In ECMAScript 2024, which the compiler's library does not know yet.
  const GrowableBuffer = ArrayBuffer as new (
    bytes: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer;
  const f32 = (shape: unknown, data: unknown) => ({ dtype: 'float32', shape, data });

  it.each<[string, unknown]>([
    ['a tensor', f32([2], new Float32Array(2))],
    ['an object without prototype', Object.assign(Object.create(null), f32([], new Float32Array(1)))],
    ['a frozen one', Object.freeze(f32(Object.freeze([1]), new Float32Array(1)))],
    ['a Buffer for uint8', { dtype: 'uint8', shape: [2], data: Buffer.from('ab') }],
    ['a Buffer for bool', { dtype: 'bool', shape: [2], data: Buffer.from([0, 1]) }],
    ['shared memory', f32([2], new Float32Array(new SharedArrayBuffer(8)))],
    ['a buffer that may grow', f32([2], new Float32Array(new GrowableBuffer(8, { maxByteLength: 16 })))],
    ['an array of another realm', f32([2], runInNewContext('new Float32Array(2)'))],
    ['text with a lone surrogate, which becomes U+FFFD', { dtype: 'string', shape: [1], data: ['\ud800'] }],
    ['bytes', { dtype: 'string', shape: [2], data: [Uint8Array.of(255), Buffer.from('a')] }],
    ['no strings', { dtype: 'string', shape: [0], data: [] }],
    ['a detached array of no elements', f32([0], detached)],
    ['classes', { ...f32([1], new Float32Array(1)), classes: ['a'] }],
  ])('passes %s', (_reason, value) => {
    expect(() => assertTensor(value, 'x')).not.toThrow();
  });

  it.each<[string, unknown, string, string]>([
    ['undefined', undefined, 'undefined', 'a tensor: { dtype, shape, data }'],
    ['null', null, 'null', 'a tensor: { dtype, shape, data }'],
    ['a number', 3, '3', 'a tensor: { dtype, shape, data }'],
    ['an array', [1], 'an array', 'a tensor: { dtype, shape, data }'],
    ['bare data', new Float32Array(1), 'a Float32Array', 'a tensor: { dtype, shape, data }'],
    [
      'an unknown dtype',
      { dtype: 'complex64', shape: [], data: [] },
      'dtype "complex64"',
      `one of ${dtypes.join(', ')}`,
    ],
    [
      'a name from the prototype',
      { dtype: 'constructor', shape: [], data: [] },
      'dtype "constructor"',
      `one of ${dtypes.join(', ')}`,
    ],
    ['a shape in words', f32('2', new Float32Array(2)), 'shape "2"', 'an array of non-negative integers'],
    [
      'a typed array as shape',
      f32(Int32Array.of(2), new Float32Array(2)),
      'shape an Int32Array',
      'an array of non-negative integers',
    ],
    [
      'a negative axis',
      f32([-2, -1], new Float32Array(2)),
      'shape [-2,-1]',
      'an array of non-negative integers',
    ],
    ['a bigint axis', f32([2n], new Float32Array(2)), 'shape [2n]', 'an array of non-negative integers'],
    [
      'a NaN axis',
      f32([Number.NaN], new Float32Array(2)),
      'shape [NaN]',
      'an array of non-negative integers',
    ],
    [
      'too many elements to count',
      f32([2 ** 40, 2 ** 40], new Float32Array(2)),
      'shape [1099511627776,1099511627776]',
      'at most 2^53 - 1 elements',
    ],
    ['a plain array', f32([2], [1, 2]), 'an array as data', 'a Float32Array, as the dtype is float32'],
    [
      'another array type',
      f32([2], new Int32Array(2)),
      'an Int32Array as data',
      'a Float32Array, as the dtype is float32',
    ],
    [
      'an imitation of an array',
      f32([2], Object.create(Float32Array.prototype, { length: { value: 2 } })),
      'an object as data',
      'a Float32Array, as the dtype is float32',
    ],
    [
      'a Buffer for float32',
      f32([2], Buffer.alloc(8)),
      'a Uint8Array as data',
      'a Float32Array, as the dtype is float32',
    ],
    ['no data', f32([2], undefined), 'undefined as data', 'a Float32Array, as the dtype is float32'],
    ['too many elements', f32([2, 2], new Float32Array(5)), '5 elements of data', '4 for shape [2,2]'],
    ['a scalar without element', f32([], new Float32Array(2)), '2 elements of data', '1 for shape []'],
    [
      'a detached array',
      f32([2], detached),
      '0 elements of data (a buffer that was transferred elsewhere has none left)',
      '2 for shape [2]',
    ],
    [
      'a byte that is no bool',
      { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 2) },
      '2 at data[2]',
      '0 or 1, as the dtype is bool',
    ],
    [
      'text for a list of strings',
      { dtype: 'string', shape: [1], data: 'a' },
      '"a" as data',
      'an array of strings or of Uint8Arrays, as the dtype is string',
    ],
    [
      'a number among strings',
      { dtype: 'string', shape: [2], data: ['a', 1] },
      '1 at data[1]',
      'a string, as element 0 is',
    ],
    [
      'text and bytes together',
      { dtype: 'string', shape: [2], data: [Uint8Array.of(1), 'a'] },
      '"a" at data[1]',
      'a Uint8Array, as element 0 is',
    ],
    [
      'a hole among strings',
      { dtype: 'string', shape: [2], data: new Array(2) },
      'undefined at data[0]',
      'a string or a Uint8Array',
    ],
    [
      'classes in words',
      { ...f32([1], new Float32Array(1)), classes: 'a' },
      '"a" as classes',
      'an array of strings',
    ],
  ])('refuses %s', (_reason, value, actual, expected) => {
    const error = caught(() => assertTensor(value, 'x'));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', input: 'x', actual, expected });
    expect(error.message).toBe(`Cannot use input "x": ${actual}, expected ${expected}`);
  });

  it('keeps messages short, however long what came', () => {
    const error = caught(() => assertTensor(f32(new Array(1e6).fill(-1), 0), 'x'.repeat(1e6)));
    expect(error.message.length).toBeLessThan(300);
  });
});
