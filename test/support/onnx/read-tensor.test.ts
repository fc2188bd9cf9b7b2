import type { DType } from 'servable';
import { describe, expect, it } from 'vitest';
import { bfloat16Bits, float16Bits } from '../half.js';
import { decodeTensor } from './read-tensor.js';
import { constant, encodeTensor } from './tensor-proto.js';

const elements = {
  float16: Uint16Array.from([1, -0.5, 65_504], float16Bits),
  bfloat16: Uint16Array.from([1, -0.5, 3e38], bfloat16Bits),
  float32: Float32Array.of(1, -0.1, 3e38),
  float64: Float64Array.of(1, -0.1, 1e308),
  int8: Int8Array.of(1, -128, 127),
  int16: Int16Array.of(1, -32_768, 32_767),
  int32: Int32Array.of(1, -(2 ** 31), 2 ** 31 - 1),
  int64: BigInt64Array.of(1n, -(2n ** 63n), 2n ** 63n - 1n),
  uint8: Uint8Array.of(1, 0, 255),
  uint16: Uint16Array.of(1, 0, 65_535),
  uint32: Uint32Array.of(1, 0, 2 ** 32 - 1),
  uint64: BigUint64Array.of(1n, 0n, 2n ** 64n - 1n),
  bool: Uint8Array.of(1, 0, 1),
} satisfies Partial<Record<DType, ArrayBufferView>>;

describe('a TensorProto', () => {
  it.each(Object.entries(elements))('of %s reads back from raw data and from typed fields', (dtype, data) => {
    for (const storage of ['raw', 'fields'] as const) {
      const proto = encodeTensor(constant('t', dtype as keyof typeof elements, [3, 1], data, { storage }));
      expect(decodeTensor(proto.finish())).toEqual({ name: 't', tensor: { dtype, shape: [3, 1], data } });
    }
  });

  it('of strings reads back as text, and as bytes where one is not UTF-8', () => {
    const text = encodeTensor(constant('', 'string', [2], ['größe', '']));
    expect(decodeTensor(text.finish()).tensor.data).toEqual(['größe', '']);
    const bytes = [Uint8Array.of(0xff), Uint8Array.of(0x61)];
    const proto = encodeTensor(constant('', 'string', [2], bytes));
    expect(decodeTensor(proto.finish()).tensor.data).toEqual(bytes);
  });

  it('reads a scalar and an empty tensor', () => {
    const scalar = encodeTensor(constant('', 'int64', [], [7], { storage: 'fields' }));
    expect(decodeTensor(scalar.finish()).tensor).toEqual({
      dtype: 'int64',
      shape: [],
      data: BigInt64Array.of(7n),
    });
    const empty = encodeTensor(constant('', 'float32', [0, 3], []));
    expect(decodeTensor(empty.finish()).tensor).toEqual({
      dtype: 'float32',
      shape: [0, 3],
      data: new Float32Array(),
    });
  });

  it('is refused where it has no tensor of ours', () => {
    const small = encodeTensor(constant('w', 'int4', [2], [-8, 7]));
    expect(() => decodeTensor(small.finish())).toThrow('Cannot decode tensor "w": int4 has no dtype');
    const external = encodeTensor(constant('w', 'float32', [1], [1], { external: { location: 'f' } }));
    expect(() => decodeTensor(external.finish())).toThrow('its data is external');
    const short = encodeTensor(constant('w', 'float32', [3], [1, 2]));
    expect(() => decodeTensor(short.finish())).toThrow('2 elements, expected 3');
  });
});
