import type { Tensor } from 'servable';
import { bfloat16Value, float16Value } from './half.js';

/** Two floats are equal when they differ by at most `atol + rtol * |expected|`. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** No difference at all. */
export const exactly: Tolerance = { rtol: 0, atol: 0 };

/**
 * What distinguishes a tensor from the expected one, in words, or undefined where nothing does.
 *
 * Floats are compared within the tolerance, NaN with NaN and infinity with infinity of the same sign; integers,
 * bools and strings exactly.
 */
export function tensorDifference(
  actual: Tensor | undefined,
  expected: Tensor,
  tolerance: Tolerance = exactly,
): string | undefined {
  const wrongForm = formDifference(actual, expected);
  if (actual === undefined || wrongForm) return wrongForm;
  const isFloat = floatDtypes.has(expected.dtype);
  const [left, right] = [elements(actual), elements(expected)];
  const differing: number[] = [];
  for (let index = 0; index < right.length; index++) {
    const same = isFloat
      ? isClose(left[index] as number, right[index] as number, tolerance)
      : left[index] === right[index];
    if (!same) differing.push(index);
  }
  const [first] = differing;
  if (first === undefined) return undefined;
  return `${differing.length} of ${right.length} elements differ, first [${first}]: ${left[first]}, expected ${right[first]}`;
}

/** The index of the greatest element in each row of the last axis. */
export function argmax(tensor: Tensor): number[] {
  const values = elements(tensor) as readonly number[];
  const width = tensor.shape.at(-1) ?? 1;
  const rows = width === 0 ? 0 : values.length / width;
  return Array.from({ length: rows }, (_, row) => {
    const scores = values.slice(row * width, (row + 1) * width);
    return scores.indexOf(Math.max(...scores));
  });
}

/** Equal within the tolerance; NaN equals NaN, and an infinity only itself. */
export function isClose(actual: number, expected: number, { rtol, atol }: Tolerance): boolean {
  if (Object.is(actual, expected) || actual === expected) return true;
  return Number.isFinite(expected) && Math.abs(actual - expected) <= atol + rtol * Math.abs(expected);
}

/** The elements as values to compare: 16-bit floats as numbers, strings as text. */
export function elements(tensor: Tensor): readonly (number | bigint | string)[] {
  const data = Array.from(tensor.data as ArrayLike<number | bigint | string | Uint8Array>);
  if (tensor.dtype === 'float16') return (data as number[]).map(float16Value);
  if (tensor.dtype === 'bfloat16') return (data as number[]).map(bfloat16Value);
  return data.map((each) => (each instanceof Uint8Array ? Buffer.from(each).toString('latin1') : each));
}

const floatDtypes: ReadonlySet<string> = new Set(['float16', 'bfloat16', 'float32', 'float64']);

function formDifference(actual: Tensor | undefined, expected: Tensor): string | undefined {
  if (actual === undefined) return `No tensor, expected ${form(expected)}`;
  if (form(actual) !== form(expected)) return `It is ${form(actual)}, expected ${form(expected)}`;
  if (actual.data.length === expected.data.length) return undefined;
  return `It has ${actual.data.length} elements, expected ${expected.data.length}`;
}

function form({ dtype, shape }: Tensor): string {
  return `${dtype}[${shape.join(',')}]`;
}
