// Hot path: once for each number of a request. Guarded by bench/json/decode.mjs.
import type { DType } from '../core/dtype.js';
import { char, isSpace, skipSpace } from './characters.js';
import { exactDigits, isNearTie, mostQuickDigits, nearest } from './nearest.js';
import { type NumberPrecision, precisions } from './number-precision.js';
import { powersOfTen, zeroPower } from './powers-of-ten.js';
import type { TensorSink } from './tensor-sink.js';

/** Numbers that are collected before they are rounded to their dtype; of whoever reads now, since nothing waits meanwhile. */
const chunk = 1024;
const numbers = new Float64Array(chunk);
/** Deeper nests are not read quickly. */
const mostLevels = 16;

/**
 * Reads numbers in nested lists of equal lengths straight from the bytes, two to four times as fast as JSON.parse reads them
 * into lists. It gives up at the least irregularity, which then is for the slow way to explain: never is anything read
 * wrongly.
 */
export class NumberScanner {
  readonly #bytes: Buffer;
  /** What follows the last value that was read. */
  end = 0;
  /** The shape of it. */
  shape: number[] = [];
  /** What was read of one number. */
  #value = 0;
  /** Numbers that were collected, and are not in the sink yet. */
  #pending = 0;
  /** How many the list had that was read last. */
  #listLength = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  static reads(dtype: DType): boolean {
    return precisions[dtype] !== undefined;
  }

  /**
   * Reads the value at `start` into the sink.
   *
   * @returns false where it cannot: the sink is to be thrown away then.
   */
  read(start: number, sink: TensorSink): boolean {
    const precision = precisions[sink.dtype] as NumberPrecision;
    const bytes = this.#bytes;
    const shape: number[] = [];
    const counts: number[] = [];
    let rank = -1;
    let at = start;
    this.#pending = 0;
    for (;;) {
      // A value is to begin here.
      while (bytes[at] === char.leftBracket) {
        if (counts.length === mostLevels) return false;
        counts.push(0);
        at = skipSpace(bytes, at + 1);
      }
      if (rank < 0) rank = counts.length;
      if (counts.length !== rank) return false;
      at = this.#numbersFrom(at, sink, precision, rank > 0);
      if (at < 0) return false;
      if (rank === 0) break;
      if (this.#isSibling(at, shape[rank - 1])) {
        (counts[rank - 2] as number)++;
        at = skipSpace(bytes, at + 3);
        continue;
      }
      counts[rank - 1] = this.#listLength;
      // A list of numbers has ended; those around it may end, too.
      while (counts.length > 0) {
        if (bytes[at] !== char.rightBracket) return false;
        const level = counts.length - 1;
        const length = counts.pop() as number;
        if (shape[level] === undefined) shape[level] = length;
        else if (shape[level] !== length) return false;
        at++;
        if (level === 0) break;
        (counts[level - 1] as number)++;
        at = skipSpace(bytes, at);
        if (bytes[at] === char.comma) break;
      }
      if (counts.length === 0) break;
      at = skipSpace(bytes, at + 1);
    }
    sink.numbers(numbers, this.#pending);
    this.end = at;
    this.shape = shape;
    return true;
  }

  /** True where the list of numbers that ends here is as long as the others, and the next one follows without a space. */
  #isSibling(at: number, length: number | undefined): boolean {
    const bytes = this.#bytes;
    return (
      this.#listLength === length &&
      bytes[at] === char.rightBracket &&
      bytes[at + 1] === char.comma &&
      bytes[at + 2] === char.leftBracket
    );
  }

  /**
   * Numbers with commas between them.
   *
   * @returns where they end; -1 where there is something else.
   */
  #numbersFrom(start: number, sink: TensorSink, precision: NumberPrecision, isList: boolean): number {
    const bytes = this.#bytes;
    const { integers, isSingle } = precision;
    const isFloat = integers === undefined;
    let count = this.#pending;
    let length = 0;
    let at = start;
    for (;;) {
      const first = at;
      let byte = bytes[at] as number;
      const isNegative = byte === char.minus;
      if (isNegative) byte = bytes[++at] as number;
      const integer = at;
      let significand = byte - char.zero;
      if (!(significand >= 0 && significand <= 9)) return -1;
      byte = bytes[++at] as number;
      while (byte >= char.zero && byte <= char.nine) {
        significand = significand * 10 + (byte - char.zero);
        byte = bytes[++at] as number;
      }
      if (bytes[integer] === char.zero && at > integer + 1) return -1;
      let places = 0;
      if (byte === char.point) {
        const fraction = at + 1;
        byte = bytes[++at] as number;
        while (byte >= char.zero && byte <= char.nine) {
          significand = significand * 10 + (byte - char.zero);
          byte = bytes[++at] as number;
        }
        places = at - fraction;
        if (places === 0) return -1;
      }
      let value: number;
      const digits = at - integer;
      const isPlain = isFloat && digits <= mostQuickDigits && byte !== char.e && byte !== char.E;
      value =
        places === 0 || !isPlain ? significand : significand / (powersOfTen[zeroPower + places] as number);
      if (isPlain && (digits <= exactDigits || (isSingle && !isNearTie(value)))) {
        if (isNegative) value = -value;
      } else {
        at = this.#carefully(first, precision);
        if (at < 0) return -1;
        value = this.#value;
        byte = bytes[at] as number;
      }
      if (count === chunk) {
        sink.numbers(numbers, count);
        count = 0;
      }
      numbers[count++] = value;
      length++;
      if (!isList) break;
      while (isSpace(byte)) byte = bytes[++at] as number;
      if (byte !== char.comma) break;
      byte = bytes[++at] as number;
      while (isSpace(byte)) byte = bytes[++at] as number;
    }
    this.#pending = count;
    this.#listLength = length;
    return at;
  }

  /**
   * A number with many digits, with an exponent, or that is to be an integer. Its first digits were seen to be right.
   *
   * @returns where it ends; -1 where it cannot be read quickly.
   */
  #carefully(start: number, { integers, isSingle }: NumberPrecision): number {
    const bytes = this.#bytes;
    const isNegative = bytes[start] === char.minus;
    const first = isNegative ? start + 1 : start;
    let at = first;
    let significand = 0;
    let digits = 0;
    let exponent = 0;
    let point = 0;
    for (;;) {
      const byte = bytes[at] as number;
      if (byte >= char.zero && byte <= char.nine) {
        if (digits < exactDigits) {
          significand = significand * 10 + (byte - char.zero);
          if (significand > 0) digits++;
          exponent -= point;
        } else {
          digits++;
          exponent += 1 - point;
        }
      } else if (byte === char.point && point === 0) point = 1;
      else break;
      at++;
    }
    const isInteger = point === 0 && bytes[at] !== char.e && bytes[at] !== char.E;
    if (integers !== undefined) {
      this.#value = isNegative ? -significand : significand;
      const isRight = isInteger && digits <= exactDigits && this.#value >= integers[0];
      return isRight && this.#value <= integers[1] ? at : -1;
    }
    if (bytes[at] === char.e || bytes[at] === char.E) {
      at = this.#exponent(at + 1);
      if (at < 0) return -1;
      exponent += this.#value;
    }
    const value = nearest(significand, exponent, digits <= exactDigits, isSingle) ?? this.#exact(first, at);
    this.#value = isNegative ? -value : value;
    return value === Number.POSITIVE_INFINITY ? -1 : at;
  }

  /** @returns what follows an exponent, which becomes the value; -1 where it is none. */
  #exponent(start: number): number {
    const bytes = this.#bytes;
    const isDown = bytes[start] === char.minus;
    const first = isDown || bytes[start] === char.plus ? start + 1 : start;
    let at = first;
    let power = 0;
    for (
      let byte = bytes[at] as number;
      byte >= char.zero && byte <= char.nine;
      byte = bytes[++at] as number
    ) {
      if (power < 10_000) power = power * 10 + (byte - char.zero);
    }
    this.#value = isDown ? -power : power;
    return at === first ? -1 : at;
  }

  #exact(start: number, end: number): number {
    return Number(this.#bytes.toString('latin1', start, end));
  }
}
