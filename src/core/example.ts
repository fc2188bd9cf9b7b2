/** The values of one feature of a tf.Example. */
export type Feature =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'float'; readonly values: readonly number[] }
  | { readonly kind: 'int64'; readonly values: readonly bigint[] };

/** A tf.Example: features by name. One without a kind is as good as none. */
export type Example = ReadonlyMap<string, Feature>;

/** A typed array of numbers. A `Uint8Array` is one for an input of numbers; for one of strings it is the bytes of one string. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array;

/**
 * The values of a feature as JavaScript has them: one value, or an array of values of one kind.
 *
 * - Numbers go into whatever number type the input has: an integer dtype takes integers in its range, bool 0 and 1, and a
 *   float dtype the nearest float.
 * - Bigints and booleans are what an int64_list is, strings and `Uint8Array`s what a bytes_list is: a string is its UTF-8.
 */
export type FeatureInput =
  | number
  | bigint
  | boolean
  | string
  | readonly number[]
  | readonly (bigint | boolean)[]
  | readonly (string | Uint8Array)[]
  | NumberArray
  | BigInt64Array
  | BigUint64Array;

/** An example: a tf.Example, or a plain object of values by feature name. A feature that is undefined is missing. */
export type ExampleInput = Example | Readonly<Record<string, FeatureInput | undefined>>;

/**
 * What one request is about: an example at least. An example is a row of every input: the feature of an input's alias holds
 * the row's values, as many as the input's axes but the first make, and one where there are no others. An input with a
 * default may be left out, by all; the values given to it are the same for all. Features that no input is named after are
 * passed over. Read before the call returns; the caller may change them then.
 */
export type Examples = readonly ExampleInput[];
