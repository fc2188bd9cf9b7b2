import { quote } from '../core/describe.js';
import type { DType } from '../core/dtype.js';
import { invalidArgument, type ServingError } from '../core/errors.js';
import type { Signature, TensorSpec } from '../core/signature.js';
import { putTensor, type Tensor, type TensorMap, tensor } from '../core/tensor.js';
import type { Example, Feature } from './example.js';
import { decodeText } from './wire-bytes.js';

/**
 * The inputs that examples mean to a signature: the feature of an input's alias holds its row; one row an example.
 *
 * - A row has the input's fixed dimensions; one open dimension is as long as the feature's values say, and equally long
 *   for all examples. An input of one axis, or of none that the model states, takes one value an example.
 * - A float_list goes into float dtypes; an int64_list into integers that hold its values, into float dtypes, and into bool
 *   (0 and 1); a bytes_list into string: as text where all rows are UTF-8, else as bytes. Nothing else is converted.
 * - A feature that no input is named after is passed over, as `tf.io.parse_example` does.
 *
 * @throws ServingError INVALID_ARGUMENT for no examples, and for a feature that is missing or does not fit, with the place
 *   of its example.
 */
export function examplesToInputs(signature: Signature, examples: readonly Example[]): TensorMap {
  if (examples.length === 0) throw invalidArgument('Input is empty.');
  const inputs: Record<string, Tensor> = {};
  for (const [alias, spec] of Object.entries(signature.inputs)) {
    if (spec.isOptional && !examples.some((example) => example.has(alias))) continue;
    putTensor(inputs, alias, toTensor(alias, spec, examples));
  }
  return inputs;
}

function toTensor(alias: string, spec: TensorSpec, examples: readonly Example[]): Tensor {
  const inner = spec.shape.slice(1);
  const rows = examples.map((example, place) => valuesOf(alias, spec.dtype, example.get(alias), place));
  const width = rows[0]?.length ?? 0;
  const shape = innerShape(alias, inner, width);
  const wrong = rows.findIndex((row) => row.length !== width);
  if (wrong >= 0) {
    throw unfit(alias, wrong, `it has ${rows[wrong]?.length} values, and that of example 0 has ${width}`);
  }
  const values = rows.flat();
  const data = spec.dtype === 'string' ? toStrings(values as Uint8Array[]) : values;
  return tensor(spec.dtype, [examples.length, ...shape], data as never);
}

/** The dimensions of a row: the fixed ones, and the open one by what is left of the values. */
function innerShape(alias: string, inner: TensorSpec['shape'], width: number): number[] {
  const fixed = inner.reduce<number>(
    (product, dim) => (typeof dim === 'number' ? product * dim : product),
    1,
  );
  const open = inner.filter((dim) => typeof dim !== 'number').length;
  if (open > 1) throw unfit(alias, 0, 'the input has more than one open dimension in a row');
  const isWhole = open === 1 ? fixed > 0 && width % fixed === 0 : width === fixed;
  if (!isWhole)
    throw unfit(
      alias,
      0,
      `it has ${width} values, and a row of the input has ${fixed}${open === 1 ? ' times n' : ''}`,
    );
  return inner.map((dim) => (typeof dim === 'number' ? dim : width / fixed));
}

function valuesOf(
  alias: string,
  dtype: DType,
  feature: Feature | undefined,
  place: number,
): readonly unknown[] {
  if (feature === undefined) throw unfit(alias, place, 'it is missing');
  const { kind, values } = feature;
  const isFloat = dtype.includes('float');
  if (kind === 'bytes' && dtype === 'string') return values;
  if (kind === 'float' && isFloat) return values;
  if (kind === 'int64' && isFloat) return values.map(Number);
  if (kind === 'int64' && dtype !== 'string') return toIntegers(alias, dtype, values, place);
  throw unfit(
    alias,
    place,
    `it is a ${kind === 'bytes' ? 'bytes_list' : `${kind}_list`}, and the input is ${dtype}`,
  );
}

function toIntegers(
  alias: string,
  dtype: DType,
  values: readonly bigint[],
  place: number,
): readonly unknown[] {
  const least = dtype.startsWith('u') || dtype === 'bool' ? 0n : -(1n << (bitsOf(dtype) - 1n));
  const most = dtype === 'bool' ? 1n : least + (1n << bitsOf(dtype)) - 1n;
  const wrong = values.find((value) => value < least || value > most);
  if (wrong !== undefined) throw unfit(alias, place, `it has ${wrong}, and the input is ${dtype}`);
  return dtype.endsWith('64') ? values : values.map(Number);
}

function bitsOf(dtype: DType): bigint {
  return BigInt(dtype.replace(/\D/g, '') || 1);
}

/** Of all rows at once: the elements of a tensor are of one kind. */
function toStrings(values: readonly Uint8Array[]): readonly string[] | readonly Uint8Array[] {
  try {
    return values.map(decodeText);
  } catch {
    return values;
  }
}

function unfit(alias: string, place: number, why: string): ServingError {
  return invalidArgument(`Cannot use feature ${quote(alias)} of example ${place}: ${why}`, { input: alias });
}
