import { quote } from '../../core/describe.js';
import type { Dim, Signature, TensorSpec } from '../../core/signature.js';
import type { Tensor, TensorMap } from '../../core/tensor.js';
import { multiplyDims } from '../../core/tensor-fault.js';
import type { Scale } from './sample-values.js';
import { sampleTensor, seededRandom } from './sample-values.js';

/** The shape of one row of each required input, by alias: 1 on axis 0. */
export type RowShapes = Readonly<Record<string, readonly number[]>>;

/** Small first: it costs least. Then what networks insist on: multiples of 32, images of 224, a power of two. */
const commonSizes = [2, 4, 1, 8, 32, 64, 224, 28, 128, 256, 512, 640];
/** Tried with each other where one size for all axes does not run: `total` may have to be `past` + `new`. */
const mixedSizes = [1, 2, 4];
const mostMixedAxes = 4;
/** Of one row of one input; 16 MiB as float32. Larger rows say nothing more, and take long. */
const mostElements = 2 ** 22;

/**
 * Why rows of this signature can never be stacked, in words, as far as the model itself says so.
 *
 * An input without axes is one, or one of which the model states no rank: what it means for other rows is unknown.
 */
export function findSignatureFault(signature: Signature): string | undefined {
  const inputs = requiredInputs(signature);
  if (Object.keys(signature.inputs).length === 0) return 'it has no inputs';
  if (inputs.length === 0) return 'it has no inputs but optional ones';
  if (Object.keys(signature.outputs).length === 0) return 'it has no outputs that are tensors';
  const batchNames = new Set(
    inputs.map(([, spec]) => spec.shape[0]).filter((dim) => typeof dim === 'string'),
  );
  for (const [alias, { shape }] of inputs) {
    const input = `input ${quote(alias)}`;
    if (shape.length === 0) return `${input} is a scalar, or its rank is not stated`;
    if (typeof shape[0] === 'number') return `${input} has a fixed axis 0 of ${shape[0]}`;
    const axis = shape.findIndex((dim, at) => at > 0 && typeof dim === 'string' && batchNames.has(dim));
    if (axis > 0) return `${input} has ${quote(String(shape[axis]))}, the name of axis 0, on axis ${axis}`;
  }
  return undefined;
}

/**
 * Shapes to try for a row, likely ones first. Axes of one name have one size, and so have all without a name; where
 * the model leaves none open, there is one choice.
 *
 * @param stackedRows how many rows are stacked later. No open axis gets that size: an output that has another axis
 *   where the rows should be must not look right by accident
 */
export function rowShapeChoices(signature: Signature, stackedRows?: number): RowShapes[] {
  const inputs = requiredInputs(signature);
  const axes = [...new Set(inputs.flatMap(([, { shape }]) => shape.slice(1).filter(isOpen)))];
  const equal = commonSizes.map((size) => axes.map(() => size));
  const isMixed = axes.length > 1 && axes.length <= mostMixedAxes;
  const mixed = isMixed ? combinations(mixedSizes, axes.length) : [];
  const choices = axes.length === 0 ? [[]] : [...equal, ...mixed];
  return (
    choices
      .filter((sizes) => !sizes.some((size) => size === stackedRows))
      .map((sizes) => new Map(axes.map((axis, place) => [axis, sizes[place] as number])))
      .map((sizes) => Object.fromEntries(inputs.map(([alias, { shape }]) => [alias, rowShape(shape, sizes)])))
      // The first is small but for what is fixed, which is the model's own wish.
      .filter((shapes, choice) => choice === 0 || Object.values(shapes).every(isModest))
  );
}

/** A row of each of these shapes, made as it is asked for: a large one holds the thread for milliseconds. */
export function* makeRows(
  signature: Signature,
  shapes: readonly RowShapes[],
  scale: Scale,
): Generator<TensorMap> {
  for (const [row, own] of shapes.entries()) yield makeRow(signature, own, scale, row);
}

/** One row of made-up values for every required input; optional ones are left out. */
export function makeRow(signature: Signature, shapes: RowShapes, scale: Scale, row: number): TensorMap {
  const random = seededRandom(row);
  return Object.fromEntries(
    requiredInputs(signature).map(([alias, { dtype }]): [string, Tensor] => [
      alias,
      sampleTensor(dtype, shapes[alias] as readonly number[], scale, row, random),
    ]),
  );
}

/** The inputs that no request may leave out. */
export function requiredInputs({ inputs }: Signature): [alias: string, spec: TensorSpec][] {
  return Object.entries(inputs).filter(([, spec]) => !spec.isOptional);
}

function isOpen(dim: Dim): dim is string | null {
  return typeof dim !== 'number';
}

function rowShape(shape: readonly Dim[], sizes: ReadonlyMap<string | null, number>): number[] {
  return shape.map((dim, axis) => {
    if (axis === 0) return 1;
    return isOpen(dim) ? (sizes.get(dim) as number) : dim;
  });
}

function isModest(shape: readonly number[]): boolean {
  const count = multiplyDims(shape);
  return count >= 0 && count <= mostElements;
}

/** Every list of `length` of these values. */
function combinations(values: readonly number[], length: number): number[][] {
  if (length === 0) return [[]];
  return combinations(values, length - 1).flatMap((rest) => values.map((value) => [...rest, value]));
}
