import { ServingError } from './errors.js';

/** @internal The error for an option that is wrong: names its path, what came and what was wanted. */
export function optionError(option: string, value: unknown, expected: string): ServingError {
  const actual = showValue(value);
  return new ServingError(
    'INVALID_ARGUMENT',
    `Cannot use option ${option}: got ${actual}, expected ${expected}`,
    {
      option,
      actual,
      expected,
    },
  );
}

/** @internal */
export function assertObject(value: unknown, path: string, expected = 'an object'): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw optionError(path, value, expected);
}

/** @internal Refuses keys that mean nothing: most of them are misspelt. */
export function assertKeys(value: object, path: string, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const option = path === '' ? key : `${path}.${key}`;
    throw new ServingError(
      'INVALID_ARGUMENT',
      `Unknown option ${option}, expected one of ${known.join(', ')}`,
      {
        option,
        expected: known.join(', '),
      },
    );
  }
}

/** @internal */
export function assertString(
  value: unknown,
  path: string,
  { isEmptyAllowed = false } = {},
): asserts value is string {
  const expected = isEmptyAllowed ? 'a string' : 'a string that is not empty';
  if (typeof value !== 'string' || (value === '' && !isEmptyAllowed))
    throw optionError(path, value, expected);
}

interface NumberRange {
  readonly min: number;
  readonly max?: number;
  readonly isInteger?: boolean;
  readonly isInfinityAllowed?: boolean;
}

/** @internal */
export function assertNumber(value: unknown, path: string, range: NumberRange): asserts value is number {
  const { min, max = Number.POSITIVE_INFINITY, isInteger = false, isInfinityAllowed = false } = range;
  const isInRange = typeof value === 'number' && value >= min && value <= max;
  const isRightKind = isInteger ? Number.isSafeInteger(value) : Number.isFinite(value) || isInfinityAllowed;
  if (isInRange && isRightKind) return;
  const limits = range.max === undefined ? `at least ${min}` : `at least ${min} and at most ${max}`;
  throw optionError(path, value, `${isInteger ? 'an integer' : 'a number'} of ${limits}`);
}

/** @internal How long a caller will wait, in milliseconds; infinity is as long as it takes. */
export function assertTimeout(timeoutMs: unknown): asserts timeoutMs is number {
  if (typeof timeoutMs === 'number' && timeoutMs > 0) return;
  throw new ServingError(
    'INVALID_ARGUMENT',
    `Cannot wait for ${showValue(timeoutMs)} ms, expected timeoutMs to be more than 0`,
    { option: 'timeoutMs', actual: showValue(timeoutMs), expected: 'more than 0' },
  );
}

/** @internal */
export function assertOneOf(value: unknown, path: string, allowed: readonly unknown[]): void {
  if (!allowed.includes(value)) throw optionError(path, value, `one of ${allowed.map(showValue).join(', ')}`);
}

/** @internal A value as it is shown to whoever wrote it. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value); // cyclic, or with a bigint in it
  }
}

/** @internal Passes an object that has these methods, whatever else it is. */
export function assertMethods(value: unknown, path: string, names: readonly string[]): void {
  assertObject(value, path);
  for (const name of names) {
    const method = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof method !== 'function') throw optionError(`${path}.${name}`, method, 'a function');
  }
}
