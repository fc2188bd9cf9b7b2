import { describeValue, quote, typedArrayName } from './describe.js';
import { invalidArgument, type ServingError } from './errors.js';
import type { Example, ExampleInput, Examples, Feature } from './example.js';

/**
 * @internal What a caller wrote, as tf.Examples that may travel: of each feature it is known which of the three kinds it is,
 * whatever the model makes of it. Copied: the caller may change its own then.
 *
 * Numbers, and arrays of floats, are a float_list; bigints, booleans, and arrays of integers an int64_list; strings and
 * `Uint8Array`s a bytes_list. An empty array has no kind, and is left out.
 *
 * @throws ServingError INVALID_ARGUMENT for what is none, naming the feature and the example's place.
 */
export function toExamples(examples: Examples): readonly Example[] {
  if (!Array.isArray(examples)) throw notExamples(describeValue(examples));
  if (examples.length === 0) throw notExamples('an empty array');
  return examples.map((example: unknown, place) => {
    if (typeof example !== 'object' || example === null || Array.isArray(example)) {
      throw invalidArgument(
        `Cannot use example ${place}: it is ${describeValue(example)}, expected an object of values by feature name`,
      );
    }
    return toExample(example as ExampleInput, place);
  });
}

function toExample(example: ExampleInput, place: number): Example {
  const entries: Iterable<readonly [string, unknown]> =
    example instanceof Map ? example : Object.entries(example);
  const features = new Map<string, Feature>();
  for (const [name, value] of entries) {
    const feature = value === undefined ? undefined : toFeature(value, name, place);
    if (feature !== undefined) features.set(name, feature);
  }
  return features;
}

function toFeature(value: unknown, name: string, place: number): Feature | undefined {
  const typed = typedArrayName(value);
  if (typed === 'Uint8Array') return { kind: 'bytes', values: [new Uint8Array(value as Uint8Array)] };
  if (typed !== undefined) return toNumbers(typed, value as Float32Array);
  if (isFeature(value)) return toList(value.values, name, place, value.kind);
  return toList(Array.isArray(value) ? value : [value], name, place);
}

function toNumbers(typed: string, values: ArrayLike<number | bigint>): Feature {
  if (typed.startsWith('Float')) return { kind: 'float', values: Array.from(values, Number) };
  return { kind: 'int64', values: Array.from(values, (each) => BigInt.asIntN(64, BigInt(each))) };
}

function isFeature(value: unknown): value is { readonly kind: Feature['kind']; readonly values: unknown[] } {
  const { kind, values } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return (kind === 'bytes' || kind === 'float' || kind === 'int64') && Array.isArray(values);
}

function toList(
  values: readonly unknown[],
  name: string,
  place: number,
  given?: Feature['kind'],
): Feature | undefined {
  const kind = given ?? kindOf(values[0]);
  if (values.length === 0) return undefined;
  const unfit = (value: unknown, index: number): ServingError => {
    const expected =
      kind === undefined ? 'a number, bigint, boolean, string or Uint8Array' : `a value of kind ${kind}`;
    return invalidArgument(
      `Cannot use feature ${quote(name)} of example ${place}: its value ${index} is ${describeValue(value)}, expected ${expected}`,
      { input: name },
    );
  };
  const all = values.map((value, index) => {
    if (kind === undefined || kindOf(value) !== kind) throw unfit(value, index);
    return valueToSend(value) ?? refuse(unfit(value, index));
  });
  return { kind, values: all } as Feature;
}

function refuse(error: ServingError): never {
  throw error;
}

function kindOf(value: unknown): Feature['kind'] | undefined {
  switch (typeof value) {
    case 'number':
      return 'float';
    case 'bigint':
    case 'boolean':
      return 'int64';
    case 'string':
      return 'bytes';
    default:
      return typedArrayName(value) === 'Uint8Array' ? 'bytes' : undefined;
  }
}

/** Undefined for an integer of more than 64 bits. */
function valueToSend(value: unknown): number | bigint | Uint8Array | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return new TextEncoder().encode(value);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? value : undefined;
  return new Uint8Array(value as Uint8Array);
}

function notExamples(actual: string): ServingError {
  return invalidArgument(`Cannot use examples: got ${actual}, expected an array of at least one`);
}
