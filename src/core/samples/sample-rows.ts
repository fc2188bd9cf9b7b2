import type { Dim, Signature, TensorSpec } from '../signature.js';
import type { Tensor, TensorMap } from '../tensor.js';
import { multiplyDims } from '../tensor-fault.js';
import type { Scale } from './sample-values.js';
import { sampleTensor, seededRandom } from './sample-values.js';

/** The shape of one row of each required input, by alias: 1 on axis 0, unless the model fixes that axis. */
export type RowShapes = Readonly<Record<string, readonly number[]>>;

/** Small first: it costs least. Then what networks insist on: multiples of 32, images of 224, a power of two. */
const commonSizes = [2, 4, 1, 8, 32, 64, 224, 28, 128, 256, 512, 640];
/** Tried with each other where one size for all axes does not run: `total` may have to be `past` + `new`. */
const mixedSizes = [1, 2, 4];
const mostMixedAxes = 4;
/** Of one row of one input; 16 MiB as float32. Larger rows say nothing more, and take long. */
const mostElements = 2 ** 22;

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
    if (!isOpen(dim)) return dim;
    return axis === 0 ? 1 : (sizes.get(dim) as number);
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
