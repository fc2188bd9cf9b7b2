import { type ServingError, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import {
  assertInRange,
  formatShapes,
  type ShapeRanges,
  shapeRanges,
} from '#dist/runner/devices/tensorrt/shape-ranges.js';
import type { HeaderInput } from '#dist/runner/files/model-header.js';
import { caught } from '../../../support/caught.js';

const rows = { min: 1, opt: 32, max: 64 };
const image: HeaderInput = { name: 'image', shape: ['batch', 3, 8, 8] };
const words: HeaderInput = { name: 'words', shape: ['batch', 'length'] };
const given = { min: [1, 4], opt: [32, 16], max: [64, 128] };

describe('shapes that engines are built for', () => {
  it.each<[string, Parameters<typeof shapeRanges>, ShapeRanges]>([
    [
      'rows vary as batches do',
      [[image], rows],
      { image: { min: [1, 3, 8, 8], opt: [32, 3, 8, 8], max: [64, 3, 8, 8] } },
    ],
    [
      'a size of nothing known is of rows, first',
      [[{ name: 'x', shape: [null] }], rows],
      { x: { min: [1], opt: [32], max: [64] } },
    ],
    ['what does not vary is not said', [[{ name: 'x', shape: [1, 4] }], rows], {}],
    ['a scalar does not vary', [[{ name: 'x', shape: [] }], rows], {}],
    ['what is said of an input is the last word', [[words], rows, { words: given }], { words: given }],
    [
      'dimensions that are fixed at load do not vary',
      [[words], rows, {}, { length: 7 }],
      { words: { min: [1, 7], opt: [32, 7], max: [64, 7] } },
    ],
    ['of no rank, as it is said', [[{ name: 'x' }], rows, { x: given }], { x: given }],
  ])('%s', (_, args, expected) => {
    expect(shapeRanges(...args)).toEqual(expected);
  });

  it.each<[string, Parameters<typeof shapeRanges>, Partial<ServingError>, RegExp]>([
    [
      'a second axis that varies',
      [[words], rows],
      { code: 'FAILED_PRECONDITION', input: 'words' },
      /^TensorRT must know the shapes of input "words" before the first request: its axis 1 is length; say them in tensorrt\.shapes\["words"\]$/,
    ],
    [
      'an input of no rank',
      [[{ name: 'x' }], rows],
      { code: 'FAILED_PRECONDITION', input: 'x' },
      /it has no rank/,
    ],
    [
      'an input that is not there',
      [[image], rows, { picture: given }],
      { code: 'INVALID_ARGUMENT', option: 'tensorrt.shapes["picture"]', expected: 'image' },
      /the model has no such input, expected one of image$/,
    ],
    [
      'another rank',
      [[words], rows, { words: { min: [1], opt: [1], max: [1] } }],
      { code: 'INVALID_ARGUMENT', option: 'tensorrt.shapes["words"]' },
      /expected min ≤ opt ≤ max, each within \[batch,length\]$/,
    ],
    [
      'a least size above the commonest',
      [[words], rows, { words: { min: [2, 4], opt: [1, 4], max: [4, 4] } }],
      { code: 'INVALID_ARGUMENT' },
      /expected min ≤ opt ≤ max/,
    ],
    [
      'another size than the graph has',
      [[image], rows, { image: { min: [1, 1, 8, 8], opt: [1, 3, 8, 8], max: [1, 3, 8, 8] } }],
      { code: 'INVALID_ARGUMENT' },
      /each within \[batch,3,8,8\]$/,
    ],
  ])('%s is refused', (_, args, facts, message) => {
    const error = caught(() => shapeRanges(...args));
    expect(error).toMatchObject(facts);
    expect(error.message).toMatch(message);
  });

  it('are said in TensorRT’s words', () => {
    const ranges = { image: { min: [1, 3], opt: [2, 3], max: [4, 3] }, words: given };
    expect(formatShapes(ranges, 'min')).toBe('image:1x3,words:1x4');
    expect(formatShapes(ranges, 'max')).toBe('image:4x3,words:64x128');
  });

  it('are those of requests: any other would be built for while it waits', () => {
    const zeros = (...shape: number[]) =>
      tensor('float32', shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));
    expect(() => assertInRange('w', given, zeros(1, 4))).not.toThrow();
    expect(() => assertInRange('w', given, zeros(64, 128))).not.toThrow();
    expect(() => assertInRange('w', undefined, zeros(9))).not.toThrow();
    for (const shape of [
      [65, 4],
      [0, 4],
      [1, 3],
      [1, 129],
    ]) {
      const error = caught(() => assertInRange('w', given, zeros(...shape)));
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', input: 'w', actual: `[${shape.join()}]` });
      expect(error.message).toContain('engines were built for [1,4] to [64,128]');
    }
  });
});
