import { describeValue, typedArrayName } from './describe.js';
import { invalidArgument } from './errors.js';
import type { Examples } from './example.js';
import { featureElements } from './feature-elements.js';
import { type FeatureValues, readFeature, unfit } from './feature-values.js';
import { sliceRows } from './rows.js';
import type { Dim, Signature, TensorSpec } from './signature.js';
import { putTensor, type Tensor, type TensorMap } from './tensor.js';

/**
 * The inputs that examples mean to a signature: the feature of an input's alias holds its row; one row an example.
 *
 * - A row has the input's fixed dimensions; one open dimension is as long as the feature's values say, and equally long
 *   for all examples. An input of one axis, or of none that the model states, takes one value an example.
 * - A float_list goes into float dtypes; an int64_list into integers that hold its values, into float dtypes, and into bool
 *   (0 and 1); a bytes_list into string: as text where all rows are UTF-8, else as bytes. Plain objects go by the rules of
 *   `FeatureInput`. Nothing else is converted.
 * - An input with a default, an overridable initializer, is no matter of rows: it may be missing, and is then left out. If
 *   one example has the feature, all must, with the same values, which have the whole shape of the input.
 * - A feature that no input is named after is passed over and not looked at, as `tf.io.parse_example` does.
 *
 * The tensors are the caller's own: nothing else refers to their memory. Work and memory grow with the values.
 *
 * @throws ServingError INVALID_ARGUMENT for no examples, for what is no example, and for a feature that is missing or does
 *   not fit, with the place of its example; RESOURCE_EXHAUSTED where there is no memory for them.
 */
export function examplesToInputs(signature: Signature, examples: Examples): TensorMap {
  assertExamples(examples);
  if (examples.length === 0) throw invalidArgument('Input is empty.');
  const inputs: Record<string, Tensor> = {};
  for (const [alias, spec] of Object.entries(signature.inputs)) {
    const input = spec.isOptional ? toWhole(alias, spec, examples) : toRows(alias, spec, examples);
    if (input !== undefined) putTensor(inputs, alias, input);
  }
  return inputs;
}

function assertExamples(examples: unknown): asserts examples is Examples {
  if (!Array.isArray(examples)) {
    throw invalidArgument(
      `Cannot use examples: got ${describeValue(examples)}, expected an array of examples`,
    );
  }
  for (const [place, example] of (examples as readonly unknown[]).entries()) {
    if (isRecord(example)) continue;
    const came = describeValue(example);
    throw invalidArgument(
      `Cannot use example ${place}: it is ${came}, expected an object of values by feature, or a Map of features`,
    );
  }
}

/** A Map is one, too. */
function isRecord(example: unknown): boolean {
  if (typeof example !== 'object' || example === null || Array.isArray(example)) return false;
  return typedArrayName(example) === undefined;
}

function toRows(alias: string, spec: TensorSpec, examples: Examples): Tensor {
  const features = examples.map((example, place) => {
    const feature = readFeature(example, alias, spec.dtype, place);
    if (feature === undefined) throw unfit(alias, place, 'it is missing');
    return feature;
  });
  return stack(alias, spec, spec.shape.slice(1), features);
}

/** The value of an input with a default, which stands for all rows; undefined where no example has it. */
function toWhole(alias: string, spec: TensorSpec, examples: Examples): Tensor | undefined {
  const features = examples.map((example, place) => readFeature(example, alias, spec.dtype, place));
  const given = features.filter((feature) => feature !== undefined);
  if (given.length === 0) return undefined;
  const missing = features.indexOf(undefined);
  if (missing >= 0) throw unfit(alias, missing, 'it is missing, and other examples have it');
  const all = stack(alias, spec, spec.shape, given);
  const { dtype, shape, data } = all;
  const width = data.length / given.length;
  for (let at = width; at < data.length; at++) {
    if (areEqual(data[at], data[at % width])) continue;
    const why =
      'its values are not those of example 0, and the input has a default, which stands for all rows';
    throw unfit(alias, Math.floor(at / width), why);
  }
  return { dtype, shape: shape.slice(1), data: sliceRows(all, 0, 1).data };
}

function areEqual(one: unknown, other: unknown): boolean {
  if (!(one instanceof Uint8Array && other instanceof Uint8Array)) return Object.is(one, other);
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** A tensor of features of one length, one after the other along a new axis 0. */
function stack(
  alias: string,
  { dtype }: TensorSpec,
  dims: readonly Dim[],
  features: readonly FeatureValues[],
): Tensor {
  const width = features[0]?.values.length ?? 0;
  const shape = rowShape(alias, dims, width);
  const wrong = features.findIndex(({ values }) => values.length !== width);
  if (wrong >= 0) {
    const own = features[wrong]?.values.length;
    throw unfit(alias, wrong, `it has ${own} values, and that of example 0 has ${width}`);
  }
  return { dtype, shape: [features.length, ...shape], data: featureElements(alias, dtype, features, width) };
}

/** The dimensions of a row: the fixed ones, and the open one by what is left of the values. */
function rowShape(alias: string, dims: readonly Dim[], width: number): readonly number[] {
  const fixed = dims.reduce<number>((product, dim) => (typeof dim === 'number' ? product * dim : product), 1);
  const open = dims.filter((dim) => typeof dim !== 'number').length;
  if (open > 1) throw unfit(alias, 0, 'the input has more than one open dimension in a row');
  const isWhole = open === 1 ? fixed > 0 && width % fixed === 0 : width === fixed;
  if (!isWhole) {
    const wanted = `${fixed}${open === 1 ? ' times n' : ''}`;
    throw unfit(alias, 0, `it has ${width} values, and a row of the input has ${wanted}`);
  }
  return dims.map((dim) => (typeof dim === 'number' ? dim : width / fixed));
}
