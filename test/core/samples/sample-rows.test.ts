import type { DType, Signature, Tensor, TensorSpec } from 'servable';
import { describe, expect, it } from 'vitest';
import { makeRow, rowShapeChoices } from '#dist/core/samples/sample-rows.js';
import { sampleScales } from '#dist/core/samples/sample-values.js';
import { assertTensor } from '#dist/core/tensor.js';
import { elements } from '../../support/compare.js';

const allDTypes: readonly DType[] = [
  ...(['float16', 'bfloat16', 'float32', 'float64', 'int8', 'int16', 'int32', 'int64'] as const),
  ...(['uint8', 'uint16', 'uint32', 'uint64', 'bool', 'string'] as const),
];

describe.each(allDTypes)('rows of %s', (dtype) => {
  const signature = signatureOf({ x: { dtype, shape: ['batch', 5] }, lone: { dtype, shape: ['batch'] } });
  const [shapes] = rowShapeChoices(signature, 3);
  const makeRows = (count: number) =>
    sampleScales(signature).map((scale) =>
      Array.from({ length: count }, (_, row) => makeRow(signature, shapes ?? {}, scale, row)),
    );

  it('are tensors of the declared shape, of one row', () => {
    for (const row of makeRows(3).flat()) {
      assertTensor(row.x, 'x');
      expect(row.x).toMatchObject({ dtype, shape: [1, 5] });
      expect(row.lone).toMatchObject({ dtype, shape: [1] });
    }
  });

  it('differ from each other, at some scale all of them, and even where a row is one value', () => {
    const distinct = makeRows(3).map(
      (rows) => new Set(rows.map((row) => String(elements(row.lone as never)))).size,
    );
    expect(Math.max(...distinct)).toBe(dtype === 'bool' ? 2 : 3);
    expect(Math.min(...distinct)).toBeGreaterThan(1);
  });

  it('are the same the next time', () => {
    expect(makeRows(3)).toEqual(makeRows(3));
  });
});

it('start with integers that any table has', () => {
  const signature = signatureOf({ ids: { dtype: 'int64', shape: ['batch', 100] } });
  const [scale] = sampleScales(signature);
  const row = makeRow(signature, { ids: [1, 100] }, scale as never, 2);
  expect(new Set(row.ids?.data as BigInt64Array)).toEqual(new Set([0n, 1n]));
});

it('leave out inputs that may be left out', () => {
  const signature = signatureOf({
    x: { dtype: 'float32', shape: ['batch'] },
    scale: { dtype: 'float32', shape: ['width'], isOptional: true },
  });
  const [scale] = sampleScales(signature);
  expect(rowShapeChoices(signature)).toEqual([{ x: [1] }]);
  expect(Object.keys(makeRow(signature, { x: [1] }, scale as never, 0))).toEqual(['x']);
});

it('differ in magnitude, so that a scale that they share shows', () => {
  const signature = signatureOf({ x: { dtype: 'float32', shape: ['batch', 1000] } });
  const [scale] = sampleScales(signature);
  const greatest = [0, 1, 2].map((row) => {
    const { x } = makeRow(signature, { x: [1, 1000] }, scale as never, row);
    return Math.max(...((x as Tensor).data as Float32Array));
  });
  for (const [row, each] of greatest.entries()) expect(each).toBeCloseTo(1 / (row + 1), 1);
});

describe('shapes to choose from', () => {
  it('are one where no inner axis is open', () => {
    const signature = signatureOf({ x: { dtype: 'float32', shape: [null, 3, 0] } });
    expect(rowShapeChoices(signature, 3)).toEqual([{ x: [1, 3, 0] }]);
  });

  it('give axes of one name one size, and those without a name, too', () => {
    const signature = signatureOf({
      ids: { dtype: 'int64', shape: ['batch', 'length', null] },
      mask: { dtype: 'int64', shape: ['batch', 'length', null, 'width'] },
    });
    for (const { ids, mask } of rowShapeChoices(signature, 3)) expect(mask?.slice(0, 3)).toEqual(ids);
  });

  it('never have an open axis of as many as there are rows', () => {
    const signature = signatureOf({ x: { dtype: 'float32', shape: ['batch', 'height', 'width'] } });
    for (const rows of [2, 3, 4]) {
      const sizes = rowShapeChoices(signature, rows).flatMap(({ x }) => x?.slice(1));
      expect(sizes).not.toContain(rows);
      expect(sizes.length).toBeGreaterThan(10);
    }
  });

  it('stay modest where many axes are open', () => {
    const signature = signatureOf({ x: { dtype: 'float32', shape: [null, 'a', 'b', 'c', 'd'] } });
    const choices = rowShapeChoices(signature, 3);
    expect(choices.length).toBeGreaterThan(10);
    for (const { x } of choices)
      expect(x?.reduce((product, size) => product * size)).toBeLessThanOrEqual(2 ** 22);
  });
});

function signatureOf(inputs: Readonly<Record<string, Omit<TensorSpec, 'name'>>>): Signature {
  const named = Object.entries(inputs).map(([name, spec]) => [name, { name, ...spec }] as const);
  return { name: 'serving_default', method: 'predict', inputs: Object.fromEntries(named), outputs: {} };
}
