import { formatShape } from './describe.js';
import type { DType, NumericData, NumericDType, TensorDataByDType } from './dtype.js';
import { numericDTypes } from './dtype.js';
import type { ServingError } from './errors.js';
import { invalidArgument } from './errors.js';
import type { Tensor, TensorMap } from './tensor.js';
import { minUnfilledBytes, unfilledMemory } from './unfilled-memory.js';

// Rows are the slices along axis 0. Every tensor that is returned here has data of its own: rows of several callers
// pass through one batch, and a view would hand each caller everybody's rows. Never `data.slice`: of a Buffer, which
// may stand in for a Uint8Array, it is a view.

/** The size of axis 0; undefined for a scalar. */
export function rowCount(tensor: Tensor): number | undefined {
  return tensor.shape[0];
}

/** The size of axis 0 of all tensors; undefined where they disagree, one is a scalar, or there are none. */
export function commonRowCount(tensors: TensorMap): number | undefined {
  let rows: number | undefined;
  for (const alias in tensors) {
    if (!Object.hasOwn(tensors, alias)) continue;
    const own = (tensors[alias] as Tensor).shape[0];
    if (own === undefined || (rows !== undefined && own !== rows)) return undefined;
    rows = own;
  }
  return rows;
}

/**
 * One tensor with the rows of all, in order. Where some hold text and others bytes, the result holds bytes; bytes
 * themselves are shared with the parts, their array is not. `classes` stays where all parts have the same.
 *
 * @throws ServingError INVALID_ARGUMENT where there are no parts, or they are not all of one dtype and, but for
 *   axis 0, of one shape.
 */
export function concatRows<D extends DType>(tensors: readonly Tensor<D>[]): Tensor<D> {
  const [first] = tensors;
  if (first === undefined) throw invalidArgument('Cannot concatenate the rows of no tensors');
  let rows = 0;
  for (const part of tensors) {
    if (!areStackable(first, part)) throw unequal(first, part);
    rows += part.shape[0] as number;
  }
  const shape = [rows, ...first.shape.slice(1)];
  const data = first.dtype === 'string' ? concatStrings(tensors) : concatNumbers(tensors);
  return withClasses(tensors.every((part) => haveSameClasses(first, part)) ? first : undefined, {
    dtype: first.dtype,
    shape,
    data: data as TensorDataByDType[D],
  });
}

/**
 * The rows of a tensor, dealt out in order: `counts[0]` rows to the first result, and so on.
 *
 * @throws ServingError INVALID_ARGUMENT for a scalar, and unless the counts add up to the rows that there are.
 */
export function splitRows<D extends DType>(tensor: Tensor<D>, counts: readonly number[]): Tensor<D>[] {
  const rows = tensor.shape[0];
  if (rows === undefined) throw noRows('split');
  const total = counts.reduce(
    (sum, count) => sum + (Number.isSafeInteger(count) && count >= 0 ? count : NaN),
    0,
  );
  if (total !== rows) {
    throw invalidArgument(
      `Cannot split ${rows} rows into ${formatShape(counts)}, expected counts that add up`,
      {
        actual: formatShape(counts),
        expected: `counts that add up to ${rows}`,
      },
    );
  }
  let start = 0;
  return counts.map((count) => {
    const end = start + count;
    const part = sliceRows(tensor, start, end);
    start = end;
    return part;
  });
}

/**
 * The rows from `start` up to, not including, `end`.
 *
 * @throws ServingError INVALID_ARGUMENT for a scalar, and unless 0 <= start <= end <= rows.
 */
export function sliceRows<D extends DType>(tensor: Tensor<D>, start: number, end: number): Tensor<D> {
  const rows = tensor.shape[0];
  if (rows === undefined) throw noRows('slice');
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start || end > rows) {
    throw invalidArgument(`Cannot take rows ${start} to ${end} of ${rows}`, {
      actual: `${start} to ${end}`,
      expected: `0 <= start <= end <= ${rows}`,
    });
  }
  const size = rowSize(tensor);
  const data = copyElements(tensor, start * size, end * size);
  return withClasses(tensor, { dtype: tensor.dtype, shape: [end - start, ...tensor.shape.slice(1)], data });
}

/**
 * A tensor of `rows` rows: the given ones, then copies of row 0, which are valid input whatever the model does with
 * rows. The tensor itself where it has that many already. Source: TensorFlow Serving, which pads a batch alike.
 *
 * @throws ServingError INVALID_ARGUMENT for a scalar, where there are more rows already, or no row to repeat.
 */
export function padRows<D extends DType>(tensor: Tensor<D>, rows: number): Tensor<D> {
  const own = tensor.shape[0];
  if (own === undefined) throw noRows('pad');
  if (rows === own) return tensor;
  if (!Number.isSafeInteger(rows) || rows < own || own === 0) {
    throw invalidArgument(
      `Cannot pad ${own} rows to ${rows}${own === 0 ? ': there is no row to repeat' : ''}`,
      {
        actual: `${own} rows`,
        expected: own === 0 ? 'at least 1 row' : `at most ${rows} rows`,
      },
    );
  }
  const padding = sliceRows(tensor, 0, 1);
  return concatRows([tensor, ...new Array<Tensor<D>>(rows - own).fill(padding)]);
}

function rowSize({ shape, data }: Tensor): number {
  // From the data, as a product of the inner axes may overflow where axis 0 is 0.
  return shape[0] === 0 ? 0 : data.length / (shape[0] as number);
}

function areStackable(a: Tensor, b: Tensor): boolean {
  if (a.dtype !== b.dtype || a.shape.length !== b.shape.length || a.shape.length === 0) return false;
  return a.shape.every((dim, axis) => axis === 0 || dim === b.shape[axis]);
}

function haveSameClasses(a: Tensor, b: Tensor): boolean {
  if (a.classes === b.classes) return true;
  return a.classes?.length === b.classes?.length && !!a.classes?.every((name, i) => name === b.classes?.[i]);
}

function withClasses<D extends DType>(source: Tensor<D> | undefined, result: Tensor<D>): Tensor<D> {
  return source?.classes === undefined ? result : { ...result, classes: source.classes };
}

function concatNumbers(tensors: readonly Tensor[]): NumericData {
  const length = tensors.reduce((sum, { data }) => sum + data.length, 0);
  const all = unfilledData((tensors[0] as Tensor).dtype as NumericDType, length) as Float64Array;
  let offset = 0;
  for (const { data } of tensors) {
    // An array without elements may be one whose buffer was transferred, which `set` refuses.
    if (data.length > 0) all.set(data as Float64Array, offset);
    offset += data.length;
  }
  return all;
}

function concatStrings(tensors: readonly Tensor[]): readonly string[] | readonly Uint8Array[] {
  const all = tensors.flatMap(({ data }) => data as readonly (string | Uint8Array)[]);
  const isMixed = all.some((element) => typeof element !== typeof all[0]);
  if (!isMixed) return all as string[] | Uint8Array[];
  const encoder = new TextEncoder();
  return all.map((element) => (typeof element === 'string' ? encoder.encode(element) : element));
}

function copyElements<D extends DType>({ dtype, data }: Tensor<D>, start: number, end: number) {
  if (dtype === 'string') {
    const elements = (data as readonly (string | Uint8Array)[]).slice(start, end);
    const copies: unknown = elements.map((it) => (typeof it === 'string' ? it : new Uint8Array(it)));
    return copies as TensorDataByDType[D];
  }
  const copy = unfilledData(dtype as NumericDType, end - start) as Float64Array;
  if (end > start) copy.set((data as Float64Array).subarray(start, end));
  return copy as unknown as TensorDataByDType[D];
}

/** An array of which every element is about to be written. */
function unfilledData(dtype: NumericDType, length: number): NumericData {
  const { bytes, array: Data } = numericDTypes[dtype];
  // A small array that makes its own memory may have it within the heap.
  if (length * bytes < minUnfilledBytes) return new Data(length);
  return new Data(unfilledMemory(length * bytes), 0, length);
}

function noRows(action: string): ServingError {
  return invalidArgument(`Cannot ${action} a scalar by rows`, {
    actual: 'a scalar',
    expected: 'a tensor of rank 1 or more',
  });
}

function unequal(a: Tensor, b: Tensor): ServingError {
  const [expected, actual] = [a, b].map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`) as [
    string,
    string,
  ];
  const wanted = a.shape.length === 0 ? 'tensors of rank 1 or more' : `${expected} but for axis 0`;
  return invalidArgument(`Cannot concatenate ${actual} to ${expected}, expected ${wanted}`, {
    actual,
    expected: wanted,
  });
}
