import { describeValue, quote, typedArrayName } from './describe.js';
import type { DType } from './dtype.js';
import { invalidArgument, type ServingError } from './errors.js';
import type { ExampleInput, Feature } from './example.js';

/** @internal The values of a feature, whoever wrote it, before anything is known of their types but that of the first. */
export interface FeatureValues {
  /** `number`: numbers that go into whatever number type the input has. Undefined where there is no value to tell by. */
  readonly kind: Feature['kind'] | 'number' | undefined;
  readonly values: ArrayLike<unknown>;
}

const kinds: readonly unknown[] = ['bytes', 'float', 'int64'];

/**
 * @internal What an example says of a feature; undefined where it says nothing.
 *
 * @param dtype of the input: of a `Uint8Array` it tells whether it is one string or many numbers
 * @throws ServingError INVALID_ARGUMENT for what is no feature.
 */
export function readFeature(
  example: ExampleInput,
  alias: string,
  dtype: DType,
  place: number,
): FeatureValues | undefined {
  if (example instanceof Map) {
    const feature: unknown = example.get(alias);
    return feature === undefined ? undefined : checkFeature(feature, alias, place);
  }
  const record = example as Readonly<Record<string, unknown>>;
  const value = Object.hasOwn(record, alias) ? record[alias] : undefined;
  if (value === undefined) return undefined;
  const typed = typedArrayName(value);
  if (typed === undefined) {
    const values = Array.isArray(value) ? value : [value];
    return { kind: values.length === 0 ? undefined : kindOf(values[0], alias, place), values };
  }
  if (typed === 'Uint8Array' && dtype === 'string') return { kind: 'bytes', values: [value] };
  return { kind: typed.startsWith('Big') ? 'int64' : 'number', values: value as Uint8Array };
}

/** @internal Whether a value is one that a feature of this kind may hold. */
export function isOfKind(kind: FeatureValues['kind'], value: unknown): boolean {
  if (kind === 'bytes') return typeof value === 'string' || typedArrayName(value) === 'Uint8Array';
  if (kind === 'int64') return typeof value === 'bigint' || typeof value === 'boolean';
  return typeof value === 'number';
}

/** @internal The error for a feature that cannot be used, with the place of its example. */
export function unfit(alias: string, place: number, why: string): ServingError {
  return invalidArgument(`Cannot use feature ${quote(alias)} of example ${place}: ${why}`, { input: alias });
}

function checkFeature(feature: unknown, alias: string, place: number): FeatureValues {
  const { kind, values } = (feature ?? {}) as Readonly<Record<string, unknown>>;
  if (kinds.includes(kind) && (Array.isArray(values) || typedArrayName(values) !== undefined)) {
    return { kind, values } as FeatureValues;
  }
  throw unfit(
    alias,
    place,
    `it is ${describeValue(feature)}, expected { kind: bytes, float or int64, values }`,
  );
}

function kindOf(value: unknown, alias: string, place: number): FeatureValues['kind'] {
  for (const kind of ['number', 'int64', 'bytes'] as const) if (isOfKind(kind, value)) return kind;
  const expected = 'numbers, bigints, booleans, strings or Uint8Arrays';
  throw unfit(alias, place, `it has ${describeValue(value)}, expected ${expected}`);
}
