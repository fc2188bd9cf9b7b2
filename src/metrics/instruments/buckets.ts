/** The bounds of a histogram's buckets. */
export interface BucketOptions {
  readonly first: number;
  readonly factor: number;
  readonly count: number;
  /**
   * True: a value that is a bound counts from the next bucket on, as TensorFlow has it (tsl/lib/histogram, `upper_bound`);
   * Prometheus has it in the bucket of that bound.
   *
   * @default false
   */
  readonly isExclusive?: boolean;
}

/** Buckets whose bounds grow by a factor: bound k is `first * factor ** k`, and infinity follows the last one. */
export class Buckets {
  readonly bounds: Float64Array;
  /** As they are printed, with infinity at the end. */
  readonly labels: readonly string[];
  readonly #isExclusive: boolean;

  constructor({ first, factor, count, isExclusive = false }: BucketOptions) {
    this.#isExclusive = isExclusive;
    this.bounds = new Float64Array(count);
    // One product after the other, as TensorFlow reckons them: powers would differ in the last digit.
    for (let index = 0, bound = first; index < count; index++, bound *= factor) this.bounds[index] = bound;
    this.labels = [...Array.from(this.bounds, shortest), '+Inf'];
  }

  /** The place of the bucket of a value; that of the last one for what is beyond all bounds, and for NaN. */
  indexOf(value: number): number {
    const { bounds } = this;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const bound = bounds[middle] as number;
      if (value < bound || (value === bound && !this.#isExclusive)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** With six digits at most, as C's `%g`: TF Serving prints its bounds so, and queries name them. */
function shortest(bound: number): string {
  const [digits, exponent] = bound.toExponential(5).split('e') as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(Number(bound.toPrecision(6)));
  const sign = power < 0 ? '-' : '+';
  return `${Number(digits)}e${sign}${String(Math.abs(power)).padStart(2, '0')}`;
}
