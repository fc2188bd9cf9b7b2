import { describe, expect, it } from 'vitest';
import type { DType } from '#dist/core/dtype.js';
import { convertElements } from '#dist/core/elements.js';
import { caught } from '../support/caught.js';

describe('convertElements', () => {
  it.each<[string, DType, unknown[], unknown]>([
    ['integers at both ends of int8', 'int8', [-128, 127, -0], Int8Array.of(-128, 127, 0)],
    ['integers at both ends of int16', 'int16', [-32768, 32767], Int16Array.of(-32768, 32767)],
    [
      'integers at both ends of int32',
      'int32',
      [-(2 ** 31), 2 ** 31 - 1],
      Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
    ],
    ['integers at both ends of uint8', 'uint8', [0, 255], Uint8Array.of(0, 255)],
    ['integers at both ends of uint16', 'uint16', [0, 65535], Uint16Array.of(0, 65535)],
    ['integers at both ends of uint32', 'uint32', [0, 2 ** 32 - 1], Uint32Array.of(0, 2 ** 32 - 1)],
    [
      'bigints and safe integers',
      'int64',
      [-(2n ** 63n), 2n ** 63n - 1n, -5, 2 ** 53 - 1],
      BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, -5n, 2n ** 53n - 1n),
    ],
    ['bigints up to 2^64 - 1', 'uint64', [2n ** 64n - 1n, 7], BigUint64Array.of(2n ** 64n - 1n, 7n)],
    ['booleans, 0 and 1', 'bool', [true, false, 1, 0], Uint8Array.of(1, 0, 1, 0)],
    [
      'numbers, rounded to float32',
      'float32',
      [0.1, 1e39, Number.NaN],
      Float32Array.of(0.1, Infinity, Number.NaN),
    ],
    ['numbers, as they are', 'float64', [0.1, -Infinity], Float64Array.of(0.1, -Infinity)],
    ['numbers, rounded to float16', 'float16', [1, 65_520], Uint16Array.of(0x3c00, 0x7c00)],
    ['numbers, rounded to bfloat16', 'bfloat16', [1, -2], Uint16Array.of(0x3f80, 0xc000)],
    ['text', 'string', ['a', ''], ['a', '']],
    ['bytes', 'string', [Uint8Array.of(255), Buffer.from('b')], [Uint8Array.of(255), Buffer.from('b')]],
    ['nothing', 'int64', [], new BigInt64Array(0)],
  ])('takes %s', (_reason, dtype, values, data) => {
    expect(convertElements(dtype, values)).toEqual(data);
  });

  it.each<[string, DType, unknown[], string, string]>([
    ['above int8', 'int8', [1, 300], 'element 1 to int8: it is 300', 'an integer from -128 to 127'],
    ['below int16', 'int16', [-32769], 'element 0 to int16: it is -32769', 'an integer from -32768 to 32767'],
    [
      'a fraction',
      'int32',
      [1.5],
      'element 0 to int32: it is 1.5',
      'an integer from -2147483648 to 2147483647',
    ],
    [
      'NaN',
      'int32',
      [Number.NaN],
      'element 0 to int32: it is NaN',
      'an integer from -2147483648 to 2147483647',
    ],
    ['infinity', 'uint16', [Infinity], 'element 0 to uint16: it is Infinity', 'an integer from 0 to 65535'],
    ['a negative number', 'uint8', [-1], 'element 0 to uint8: it is -1', 'an integer from 0 to 255'],
    [
      'a bigint where numbers fit',
      'uint32',
      [1n],
      'element 0 to uint32: it is 1n',
      'an integer from 0 to 4294967295',
    ],
    ['a boolean', 'int8', [true], 'element 0 to int8: it is true', 'an integer from -128 to 127'],
    [
      'a bigint above int64',
      'int64',
      [2n ** 63n],
      'element 0 to int64: it is 9223372036854775808n',
      'a bigint from -9223372036854775808 to 9223372036854775807, or a safe integer in that range',
    ],
    [
      'a negative bigint',
      'uint64',
      [-1n],
      'element 0 to uint64: it is -1n',
      'a bigint from 0 to 18446744073709551615, or a safe integer in that range',
    ],
    [
      'a number beyond 2^53',
      'uint64',
      [2 ** 53],
      'element 0 to uint64: it is 9007199254740992',
      'a bigint from 0 to 18446744073709551615, or a safe integer in that range',
    ],
    ['text', 'float32', ['1'], 'element 0 to float32: it is "1"', 'a number'],
    ['a bigint for a float', 'float16', [1n], 'element 0 to float16: it is 1n', 'a number'],
    ['a hole', 'float64', new Array(1), 'element 0 to float64: it is undefined', 'a number'],
    ['a nested array', 'bfloat16', [[1]], 'element 0 to bfloat16: it is an array', 'a number'],
    ['a number beside 0 and 1', 'bool', [2], 'element 0 to bool: it is 2', 'true or false'],
    [
      'text and bytes together',
      'string',
      ['a', Uint8Array.of(1)],
      'element 1 to string: it is a Uint8Array',
      'a string, as element 0 is',
    ],
    [
      'bytes and text together',
      'string',
      [Uint8Array.of(1), 'a'],
      'element 1 to string: it is "a"',
      'a Uint8Array, as element 0 is',
    ],
    ['null', 'string', [null], 'element 0 to string: it is null', 'a string or a Uint8Array'],
  ])('refuses %s', (_reason, dtype, values, message, expected) => {
    const error = caught(() => convertElements(dtype, values));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', expected });
    expect(error.message).toBe(`Cannot convert ${message}, expected ${expected}`);
  });
});
