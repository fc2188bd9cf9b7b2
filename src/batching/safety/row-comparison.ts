import { formatShape, quote } from '../../core/describe.js';
import type { DType } from '../../core/dtype.js';
import { decodeBfloat16, decodeFloat16 } from '../../core/half.js';
import { sliceRows } from '../../core/rows.js';
import type { Tensor, TensorMap } from '../../core/tensor.js';

/**
 * What a difference of floats may come from and still be none: `rounding` alone, or `amplified` rounding, of a model
 * that is asked for what it cannot tell (scores of noise), up to a tenth of the greatest magnitude.
 */
export type Closeness = 'rounding' | 'amplified';

/** Two floats are the same where they differ by at most `relative` · the row's greatest magnitude + `absolute`. */
interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/**
 * Between what rounding does and what mixing does. A kernel sums in another order where there are more rows, which
 * changes float32 by 1e-7 to 1e-5 of the greatest magnitude; quantising rows by one common scale, the faintest kind
 * of mixing there is, changes it by 1e-2. The absolute part is for what cancels out to nearly 0.
 */
const tolerances: Partial<Record<DType, Tolerance>> = {
  float64: { relative: 1e-3, absolute: 1e-6 },
  float32: { relative: 1e-3, absolute: 1e-6 },
  // One step of float16 is 1e-3 of the value, one of bfloat16 8e-3.
  float16: { relative: 1e-2, absolute: 1e-4 },
  bfloat16: { relative: 2e-2, absolute: 1e-4 },
};

const amplifiedRelative = 0.1;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Why the outputs of a run of `rows` rows do not have one row for each on axis 0, in words; undefined where they do.
 */
export function findShapeFault(outputs: TensorMap, rows: number): string | undefined {
  for (const [alias, { shape }] of Object.entries(outputs)) {
    const [own] = shape;
    if (own === undefined) return `output ${quote(alias)} has no axis 0`;
    if (own !== rows) return `output ${quote(alias)} has ${countRows(own)} for ${countRows(rows)} of input`;
  }
  return undefined;
}

/**
 * What distinguishes the answers to rows that were run together from those to the same rows, each alone, in words;
 * undefined where nothing does. Rows are counted from 0.
 *
 * @param together as many rows on axis 0 of each output as there are answers in `alone`
 */
export function compareRows(
  together: TensorMap,
  alone: readonly TensorMap[],
  closeness: Closeness = 'rounding',
): string | undefined {
  for (const [row, answer] of alone.entries()) {
    for (const [alias, expected] of Object.entries(answer)) {
      const actual = sliceRows(together[alias] as Tensor, row, row + 1);
      const difference = findDifference(actual, expected, closeness);
      if (difference === undefined) continue;
      const [there, here] = difference;
      return `output ${quote(alias)} of row ${row} is ${there} together with other rows and ${here} alone`;
    }
  }
  return undefined;
}

/**
 * What two tensors are where they first differ, in words: dtype, shape or element. Undefined where they are the same.
 *
 * Floats are compared with a tolerance that covers rounding; NaN equals NaN, and an infinity only itself. All else is
 * compared exactly.
 */
export function findDifference(
  actual: Tensor,
  expected: Tensor,
  closeness: Closeness = 'rounding',
): [actual: string, expected: string] | undefined {
  const forms = [form(actual), form(expected)] as [string, string];
  if (forms[0] !== forms[1]) return forms;
  const [left, right] = [elements(actual), elements(expected)];
  const allowed = allowance(expected.dtype, right, closeness);
  for (let index = 0; index < right.length; index++) {
    if (!isSame(left[index], right[index], allowed)) return [describe(left[index]), describe(right[index])];
  }
  return undefined;
}

function isSame(actual: unknown, expected: unknown, allowed: number): boolean {
  // By `Object.is` NaN is itself, and by `===` 0 is -0.
  if (Object.is(actual, expected) || actual === expected) return true;
  // Of two infinities, or an infinity and a number, the difference is none that could be allowed.
  return allowed > 0 && Math.abs((actual as number) - (expected as number)) <= allowed;
}

function allowance(dtype: DType, values: ArrayLike<unknown>, closeness: Closeness): number {
  const tolerance = tolerances[dtype];
  if (tolerance === undefined) return 0;
  let greatest = 0;
  for (let index = 0; index < values.length; index++) {
    const magnitude = Math.abs(values[index] as number);
    if (magnitude > greatest && magnitude !== Infinity) greatest = magnitude;
  }
  const relative = closeness === 'rounding' ? tolerance.relative : amplifiedRelative;
  return tolerance.absolute + relative * greatest;
}

function elements({ dtype, data }: Tensor): ArrayLike<unknown> {
  if (dtype === 'float16') return decodeFloat16(data as Uint16Array);
  if (dtype === 'bfloat16') return decodeBfloat16(data as Uint16Array);
  if (dtype !== 'string') return data;
  // Text may come as bytes where another row of the batch is not UTF-8.
  return (data as readonly (string | Uint8Array)[]).map((each) =>
    typeof each === 'string' ? each : decoder.decode(each),
  );
}

function form({ dtype, shape }: Tensor): string {
  return `${dtype} ${formatShape(shape)}`;
}

function describe(element: unknown): string {
  if (typeof element === 'string') return quote(element);
  // Six digits: more than differ by rounding, fewer than float64 has.
  return typeof element === 'number' ? String(Number(element.toPrecision(6))) : String(element);
}

function countRows(rows: number): string {
  return `${rows} row${rows === 1 ? '' : 's'}`;
}
