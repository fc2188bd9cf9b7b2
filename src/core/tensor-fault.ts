import { describeValue, formatShape, typedArrayName } from './describe.js';
import type { DType } from './dtype.js';
import { dtypes, isDType, numericDTypes } from './dtype.js';
import { describeStringKind, findForeignString } from './elements.js';

/** @internal What came and what was wanted in its place, both in words. */
export interface TensorFault {
  readonly actual: string;
  readonly expected: string;
}

/** @internal What keeps a value from being a tensor, if anything. Allocates nothing where nothing is wrong. */
export function findTensorFault(value: unknown): TensorFault | undefined {
  if (typeof value !== 'object' || value === null) return notATensor(value);
  const { dtype, shape, data, classes } = value as Partial<
    Record<'dtype' | 'shape' | 'data' | 'classes', unknown>
  >;
  if (!isDType(dtype)) {
    if (dtype === undefined && data === undefined) return notATensor(value);
    return { actual: `dtype ${describeValue(dtype)}`, expected: `one of ${dtypes.join(', ')}` };
  }
  const count = Array.isArray(shape) ? multiplyDims(shape) : -1;
  if (count < 0) return shapeFault(shape);
  if (!isDataOf(dtype, data))
    return { actual: `${describeValue(data)} as data`, expected: dataInWords(dtype) };
  if (data.length !== count) return lengthFault(data.length, count, shape as readonly number[]);
  if (classes !== undefined && !Array.isArray(classes)) {
    return { actual: `${describeValue(classes)} as classes`, expected: 'an array of strings' };
  }
  if (dtype === 'bool') return findBoolFault(data as Uint8Array);
  return dtype === 'string' ? findStringFault(data as readonly unknown[]) : undefined;
}

function isDataOf(dtype: DType, data: unknown): data is ArrayLike<unknown> {
  return dtype === 'string' ? Array.isArray(data) : typedArrayName(data) === numericDTypes[dtype].array.name;
}

/** @internal The product of a shape, or -1 if an axis is no size or the product is not exact. */
export function multiplyDims(shape: readonly unknown[]): number {
  let product = 1;
  for (let axis = 0; axis < shape.length; axis++) {
    const dim = shape[axis];
    if (!Number.isSafeInteger(dim) || (dim as number) < 0) return -1;
    product *= dim as number;
  }
  return Number.isSafeInteger(product) ? product : -1;
}

function findBoolFault(data: Uint8Array): TensorFault | undefined {
  for (let i = 0; i < data.length; i++) {
    const byte = data[i] as number;
    if (byte > 1) return { actual: `${byte} at data[${i}]`, expected: '0 or 1, as the dtype is bool' };
  }
  return undefined;
}

function findStringFault(data: readonly unknown[]): TensorFault | undefined {
  const index = findForeignString(data);
  if (index < 0) return undefined;
  return { actual: `${describeValue(data[index])} at data[${index}]`, expected: describeStringKind(data) };
}

function notATensor(value: unknown): TensorFault {
  return { actual: describeValue(value), expected: 'a tensor: { dtype, shape, data }' };
}

/** @internal Why {@link multiplyDims} said no. */
export function shapeFault(shape: unknown): TensorFault {
  const isList = Array.isArray(shape);
  const hasSizes = isList && Array.from(shape).every((dim) => Number.isSafeInteger(dim) && dim >= 0);
  return {
    actual: `shape ${isList ? formatShape(shape) : describeValue(shape)}`,
    expected: hasSizes ? 'at most 2^53 - 1 elements' : 'an array of non-negative integers',
  };
}

function lengthFault(length: number, count: number, shape: readonly number[]): TensorFault {
  const hint = length === 0 ? ' (a buffer that was transferred elsewhere has none left)' : '';
  return {
    actual: `${length} ${length === 1 ? 'element' : 'elements'} of data${hint}`,
    expected: `${count} for shape ${formatShape(shape)}`,
  };
}

function dataInWords(dtype: DType): string {
  if (dtype === 'string') return 'an array of strings or of Uint8Arrays, as the dtype is string';
  return `${describeValue(new numericDTypes[dtype].array(0))}, as the dtype is ${dtype}`;
}
