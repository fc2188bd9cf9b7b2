import { describe, expect, it } from 'vitest';
import { dtypes, newData } from '#dist/core/dtype.js';
import { type Tensor, tensor } from '#dist/core/tensor.js';
import { captureTensors, tensorBytes } from '#dist/request-log/capture-tensors.js';

/** Changes every byte that a tensor's data hold. */
function spoil({ data }: Tensor): void {
  if (ArrayBuffer.isView(data)) {
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).fill(0xff);
  } else {
    for (const element of data) if (typeof element !== 'string') element.fill(0xff);
    (data as unknown[]).fill('spoilt');
  }
}

describe('captureTensors', () => {
  it.each(dtypes)('copies %s, so that its maker may go on using it', (dtype) => {
    const x = { dtype, shape: [2, 3], data: newData(dtype, 6) } as Tensor;
    const { x: copy } = captureTensors({ x });
    const before = structuredClone(x);
    spoil(x);
    (x.shape as number[])[0] = 9;
    expect(copy).toEqual(before);
  });

  it('copies bytes in string tensors, and the classes of scores', () => {
    const bytes = { dtype: 'string', shape: [1], data: [Uint8Array.of(1, 255)] } as Tensor;
    const scores = { ...tensor('float32', [1, 2], [0.5, 0.5]), classes: ['a', 'b'] };
    const copies = captureTensors({ bytes, scores });
    spoil(bytes);
    scores.classes[0] = 'spoilt';
    expect(copies.bytes?.data).toEqual([Uint8Array.of(1, 255)]);
    expect(copies.scores?.classes).toEqual(['a', 'b']);
  });

  it('copies what is in a Buffer, a part of an array, and shared memory', () => {
    const whole = Uint8Array.of(9, 1, 2, 9);
    const shared = new Float32Array(new SharedArrayBuffer(8)).fill(7);
    const tensors = {
      buffer: tensor('uint8', [2], Buffer.from(whole.buffer, 1, 2)),
      part: tensor('uint8', [2], whole.subarray(1, 3)),
      shared: tensor('float32', [2], shared),
    };
    const copies = captureTensors(tensors);
    for (const each of Object.values(tensors)) spoil(each);
    expect(Array.from(copies.buffer?.data as Uint8Array)).toEqual([1, 2]);
    expect(Array.from(copies.part?.data as Uint8Array)).toEqual([1, 2]);
    expect(Array.from(copies.shared?.data as Float32Array)).toEqual([7, 7]);
    expect(copies.shared?.data).toHaveProperty('buffer', expect.any(ArrayBuffer));
  });

  it('takes tensors without elements, scalars, large ones, and odd aliases', () => {
    const tensors = JSON.parse('{"__proto__": null}');
    Object.defineProperty(tensors, '__proto__', { value: tensor('float64', [], [1]), enumerable: true });
    tensors.none = tensor('int64', [0, 5], []);
    tensors.large = tensor('float32', [100_000], new Float32Array(100_000).fill(3));
    const copies = captureTensors(tensors);
    expect(Object.keys(copies).sort()).toEqual(['__proto__', 'large', 'none']);
    expect(copies.none).toEqual(tensors.none);
    expect(copies.large).toEqual(tensors.large);
    expect(Object.getOwnPropertyDescriptor(copies, '__proto__')?.value.data).toEqual(Float64Array.of(1));
  });
});

describe('tensorBytes', () => {
  it('counts the bytes of the elements', () => {
    const tensors = { a: tensor('float32', [3], [1, 2, 3]), b: tensor('int64', [1], [1n]) };
    expect(tensorBytes(tensors)).toBe(20);
    expect(tensorBytes({})).toBe(0);
  });

  it('does not take text for less than it is', () => {
    const text = tensor('string', [2], ['a'.repeat(100), '']);
    const bytes = tensor('string', [2], [new Uint8Array(100), new Uint8Array(0)]);
    expect(tensorBytes({ text })).toBeGreaterThanOrEqual(200);
    expect(tensorBytes({ bytes })).toBeGreaterThanOrEqual(100);
  });
});
