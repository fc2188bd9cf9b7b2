import type { DType, NumericDType, TensorDataByDType } from '../core/dtype.js';
import { elementBytes, newData, numericDTypes } from '../core/dtype.js';
import { encodeBfloat16, encodeFloat16 } from '../core/half.js';
import type { Tensor } from '../core/tensor.js';

/** Takes memory from what there is for all; throws where there is not so much. */
export type TakeBytes = (bytes: number) => void;

const firstCapacity = 64;
/** About what a string has in memory beside its characters. */
const stringBytes = 64;

/** Collects the elements of a tensor of which nobody knows how many there will be. */
export class TensorSink {
  readonly dtype: DType;
  readonly #takeBytes: TakeBytes;
  readonly #elementBytes: number;
  readonly #strings: (string | Uint8Array)[] = [];
  #data: TensorDataByDType[NumericDType];
  #length = 0;

  /** @param expected elements, as far as one can guess. */
  constructor(dtype: DType, takeBytes: TakeBytes, expected = 0) {
    this.dtype = dtype;
    this.#takeBytes = takeBytes;
    this.#elementBytes = elementBytes(dtype) ?? stringBytes;
    const capacity = Math.max(firstCapacity, expected);
    takeBytes(dtype === 'string' ? 0 : capacity * this.#elementBytes);
    this.#data = newData(dtype === 'string' ? 'uint8' : dtype, dtype === 'string' ? 0 : capacity);
  }

  get length(): number {
    return this.#length;
  }

  string(value: string | Uint8Array): void {
    this.#takeBytes(stringBytes + value.length);
    this.#strings.push(value);
    this.#length++;
  }

  bigint(value: bigint): void {
    this.#reserve(1);
    (this.#data as BigInt64Array)[this.#length++] = value;
  }

  number(value: number): void {
    one[0] = value;
    this.numbers(one, 1);
  }

  /** Numbers are rounded to the dtype's precision, once; integers wrap around where they have too many bits. */
  numbers(values: Float64Array, count: number): void {
    this.#reserve(count);
    const given = count === values.length ? values : values.subarray(0, count);
    if (this.dtype === 'float16') this.#put(encodeFloat16(given));
    else if (this.dtype === 'bfloat16') this.#put(encodeBfloat16(given));
    else if (this.#elementBytes === 8 && this.dtype !== 'float64') this.#putIntegers(given);
    else this.#put(given);
    this.#length += count;
  }

  /** @param shape its product is the number of elements. */
  tensor(shape: readonly number[]): Tensor {
    if (this.dtype === 'string') return { dtype: 'string', shape, data: ofOneKind(this.#strings) };
    const data = this.#length === this.#data.length ? this.#data : this.#data.slice(0, this.#length);
    return { dtype: this.dtype, shape, data } as Tensor;
  }

  #put(values: Float64Array | Uint16Array): void {
    (this.#data as Float64Array).set(values, this.#length);
  }

  /** Integers of up to 53 bits into 64, which no function of the language does at once. */
  #putIntegers(values: Float64Array): void {
    const words = new Int32Array(this.#data.buffer, this.#data.byteOffset + 8 * this.#length);
    for (let place = 0; place < values.length; place++) {
      const value = values[place] as number;
      words[2 * place] = value; // its lowest 32 bits, whatever the others are
      words[2 * place + 1] = Math.floor(value / 2 ** 32);
    }
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#data.length) return;
    const capacity = Math.max(needed, 2 * this.#data.length);
    this.#takeBytes((capacity - this.#data.length) * this.#elementBytes);
    const larger = new numericDTypes[this.dtype as NumericDType].array(capacity);
    (larger as Float64Array).set(this.#data as Float64Array);
    this.#data = larger as TensorDataByDType[NumericDType];
  }
}

const one = new Float64Array(1);

/** A tensor's strings are all text or all bytes. */
function ofOneKind(strings: readonly (string | Uint8Array)[]): readonly string[] | readonly Uint8Array[] {
  if (strings.every((each) => typeof each === 'string')) return strings;
  return strings.map((each) => (typeof each === 'string' ? Buffer.from(each) : each));
}
