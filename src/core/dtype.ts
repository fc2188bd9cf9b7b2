/** Element types of tensors. A name is the numpy name of the type; `string` is UTF-8 text or raw bytes. */
export type DType = keyof TensorDataByDType;

/**
 * The JavaScript array that holds the elements of each dtype.
 *
 * `float16` and `bfloat16` are raw bits. `bool` is one byte an element, 0 or 1. Strings are text, or bytes where
 * the text is not UTF-8; all elements of one tensor are of one kind. The model gets UTF-8, with U+FFFD in place of
 * each lone surrogate, as `TextEncoder` writes it.
 */
export interface TensorDataByDType {
  /** Raw bits; `decodeFloat16` makes numbers of them. */
  float16: Uint16Array;
  /** Raw bits; `decodeBfloat16` makes numbers of them. */
  bfloat16: Uint16Array;
  /** IEEE 754, 32 bits. */
  float32: Float32Array;
  /** IEEE 754, 64 bits. */
  float64: Float64Array;
  /** -128 to 127. */
  int8: Int8Array;
  /** -2^15 to 2^15 - 1. */
  int16: Int16Array;
  /** -2^31 to 2^31 - 1. */
  int32: Int32Array;
  /** -2^63 to 2^63 - 1, as bigints. */
  int64: BigInt64Array;
  /** 0 to 255. */
  uint8: Uint8Array;
  /** 0 to 2^16 - 1. */
  uint16: Uint16Array;
  /** 0 to 2^32 - 1. */
  uint32: Uint32Array;
  /** 0 to 2^64 - 1, as bigints. */
  uint64: BigUint64Array;
  /** 0 or 1. */
  bool: Uint8Array;
  /** Text, or bytes where they are no UTF-8; all of one kind. */
  string: readonly string[] | readonly Uint8Array[];
}

/** The dtypes whose elements have a fixed size: all but `string`. */
export type NumericDType = Exclude<DType, 'string'>;

/** A typed array of any dtype but string. */
export type NumericData = TensorDataByDType[NumericDType];

type DataConstructor = {
  new (length: number): NumericData;
  new (buffer: ArrayBufferLike, offset: number, length: number): NumericData;
};

interface DTypeFacts {
  readonly bytes: number;
  readonly array: DataConstructor;
}

/** @internal Bytes an element and array type of every numeric dtype: the one table. */
export const numericDTypes: Readonly<Record<NumericDType, DTypeFacts>> = {
  float16: { bytes: 2, array: Uint16Array },
  bfloat16: { bytes: 2, array: Uint16Array },
  float32: { bytes: 4, array: Float32Array },
  float64: { bytes: 8, array: Float64Array },
  int8: { bytes: 1, array: Int8Array },
  int16: { bytes: 2, array: Int16Array },
  int32: { bytes: 4, array: Int32Array },
  int64: { bytes: 8, array: BigInt64Array as unknown as DataConstructor },
  uint8: { bytes: 1, array: Uint8Array },
  uint16: { bytes: 2, array: Uint16Array },
  uint32: { bytes: 4, array: Uint32Array },
  uint64: { bytes: 8, array: BigUint64Array as unknown as DataConstructor },
  bool: { bytes: 1, array: Uint8Array },
};

/** Every dtype, in the order in which the documentation lists them. */
export const dtypes: readonly DType[] = [...(Object.keys(numericDTypes) as NumericDType[]), 'string'];

/** True for a name in {@link dtypes}. */
export function isDType(name: unknown): name is DType {
  return name === 'string' || (typeof name === 'string' && Object.hasOwn(numericDTypes, name));
}

/** Bytes of one element; for `string`, which has no fixed size, undefined. */
export function elementBytes(dtype: DType): number | undefined {
  return dtype === 'string' ? undefined : numericDTypes[dtype].bytes;
}

/** A zero-filled array for `length` elements of a dtype (for `string`, empty strings). */
export function newData<D extends DType>(dtype: D, length: number): TensorDataByDType[D] {
  const data =
    dtype === 'string'
      ? new Array<string>(length).fill('')
      : new numericDTypes[dtype as NumericDType].array(length);
  return data as TensorDataByDType[D];
}
