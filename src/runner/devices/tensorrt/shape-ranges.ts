import { ServingError } from '../../../core/errors.js';
import type { Tensor } from '../../../core/tensor.js';
import type { HeaderInput } from '../../files/model-header.js';
import type { RowRange, ShapeRange } from './tensorrt-options.js';

/** The shapes of each input that varies, by graph input. */
export type ShapeRanges = Readonly<Record<string, ShapeRange>>;

/**
 * The shapes that engines are built for, so that none is built on a request: axis 0 by the rows that runs have, the others
 * as the graph has them. What is said of an input by its name is the last word.
 *
 * @param sizes of symbolic dimensions that are fixed when the model is loaded, by name
 * @throws ServingError FAILED_PRECONDITION naming an input whose shapes are not known, INVALID_ARGUMENT naming one that
 *   does not fit.
 */
export function shapeRanges(
  inputs: readonly HeaderInput[],
  rows: RowRange,
  given: ShapeRanges = {},
  sizes: Readonly<Record<string, number>> = {},
): ShapeRanges {
  for (const name of Object.keys(given)) {
    if (!inputs.some((input) => input.name === name)) throw unknownInput(name, inputs);
  }
  const ranges: Record<string, ShapeRange> = {};
  for (const input of inputs) {
    const range = given[input.name]
      ? checked(input, given[input.name] as ShapeRange)
      : ofRows(input, rows, sizes);
    if (range !== undefined) ranges[input.name] = range;
  }
  return ranges;
}

/** Undefined for an input whose shape does not vary. */
function ofRows(
  { name, shape }: HeaderInput,
  rows: RowRange,
  fixed: Readonly<Record<string, number>>,
): ShapeRange | undefined {
  if (shape === undefined) throw unknownShape(name, 'it has no rank');
  const dims = shape.map((dim) => (typeof dim === 'string' ? (fixed[dim] ?? dim) : dim));
  const vague = dims.findIndex((dim, axis) => axis > 0 && typeof dim !== 'number');
  if (vague >= 0) throw unknownShape(name, `its axis ${vague} is ${dims[vague] ?? 'of any size'}`);
  const [first, ...others] = dims as [number | string | null, ...number[]];
  if (dims.length === 0 || typeof first === 'number') return undefined;
  const { min, opt, max } = rows;
  return { min: [min, ...others], opt: [opt, ...others], max: [max, ...others] };
}

function checked({ name, shape }: HeaderInput, range: ShapeRange): ShapeRange {
  const { min, opt, max } = range;
  const rank = shape?.length ?? min.length;
  const fits = (axis: number) => {
    const [least, common, most] = [min[axis] ?? 0, opt[axis] ?? 0, max[axis] ?? 0];
    const dim = shape?.[axis];
    return least <= common && common <= most && (typeof dim !== 'number' || (least === dim && most === dim));
  };
  const isRight = [min, opt, max].every((each) => each.length === rank) && min.every((_, axis) => fits(axis));
  if (isRight) return range;
  const option = `tensorrt.shapes["${name}"]`;
  const actual = JSON.stringify(range);
  const expected = `min ≤ opt ≤ max, each within [${(shape ?? []).map((dim) => dim ?? '?').join()}]`;
  throw new ServingError('INVALID_ARGUMENT', `Cannot use ${option}: got ${actual}, expected ${expected}`, {
    option,
    actual,
    expected,
  });
}

/**
 * Refuses a run whose shapes no engine was built for: TensorRT would build one, for minutes, while the request waits.
 *
 * @param input its alias
 * @param range undefined for an input whose shape does not vary
 * @throws ServingError INVALID_ARGUMENT naming the input, what came and what there is.
 */
export function assertInRange(input: string, range: ShapeRange | undefined, { shape }: Tensor): void {
  if (range === undefined) return;
  const { min, max } = range;
  if (shape.every((size, axis) => size >= (min[axis] ?? 0) && size <= (max[axis] ?? 0))) return;
  const actual = `[${shape.join()}]`;
  const expected = `[${min.join()}] to [${max.join()}]`;
  throw new ServingError(
    'INVALID_ARGUMENT',
    `input "${input}" has shape ${actual}, and engines were built for ${expected}`,
    { input, actual, expected },
  );
}

/** In TensorRT's words: `images:1x3x224x224,ids:1x8`. */
export function formatShapes(ranges: ShapeRanges, which: keyof ShapeRange): string {
  return Object.entries(ranges)
    .map(([input, range]) => `${input}:${range[which].join('x')}`)
    .join();
}

function unknownInput(name: string, inputs: readonly HeaderInput[]): ServingError {
  const option = `tensorrt.shapes["${name}"]`;
  const expected = inputs.map((input) => input.name).join(', ');
  return new ServingError(
    'INVALID_ARGUMENT',
    `Cannot use ${option}: the model has no such input, expected one of ${expected}`,
    { option, actual: name, expected },
  );
}

function unknownShape(input: string, why: string): ServingError {
  return new ServingError(
    'FAILED_PRECONDITION',
    `TensorRT must know the shapes of input "${input}" before the first request: ${why}; say them in tensorrt.shapes["${input}"]`,
    { input, actual: why, expected: `tensorrt.shapes["${input}"]: { min, opt, max }` },
  );
}
