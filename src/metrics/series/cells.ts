// Hot path: several times for each request. Guarded by bench/metrics/cost.mjs.
import type { Buckets } from '../instruments/buckets.js';

/** A counter, or a gauge. */
export class NumberCell {
  value = 0;
}

/** The request that a value of a bucket came from. */
export interface Exemplar {
  readonly traceId: string;
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

/** How often values of each size were seen. */
export class HistogramCell {
  readonly buckets: Buckets;
  /** By bucket, not summed up. */
  readonly counts: Float64Array;
  sum = 0;
  /** By bucket: the last one. */
  exemplars: (Exemplar | undefined)[] | undefined;

  constructor(buckets: Buckets) {
    this.buckets = buckets;
    this.counts = new Float64Array(buckets.labels.length);
  }

  /** @param traceId of the request that it was seen of, where somebody traces it. */
  observe(value: number, traceId?: string): void {
    const index = this.buckets.indexOf(value);
    (this.counts[index] as number)++;
    this.sum += value;
    if (traceId === undefined) return;
    this.exemplars ??= new Array(this.counts.length);
    this.exemplars[index] = { traceId, value, timestamp: Date.now() / 1000 };
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** What this one and others of the same buckets have seen together. */
  plus(others: readonly HistogramCell[]): HistogramCell {
    const all = new HistogramCell(this.buckets);
    for (const { counts, sum } of [this, ...others]) {
      for (const [index, count] of counts.entries()) (all.counts[index] as number) += count;
      all.sum += sum;
    }
    return all;
  }

  /**
   * A bound that so large a part of the values is not above, found as Prometheus' `histogram_quantile` does: evenly spread
   * within a bucket. NaN where there are none; the last bound where it lies beyond that.
   */
  quantile(part: number): number {
    const { bounds } = this.buckets;
    const wanted = part * this.count;
    let before = 0;
    for (const [index, count] of this.counts.entries()) {
      if (before + count >= wanted && count > 0) {
        const low = index === 0 ? 0 : (bounds[index - 1] as number);
        const high = bounds[index] ?? low;
        return low + ((high - low) * Math.max(0, wanted - before)) / count;
      }
      before += count;
    }
    return Number.NaN;
  }
}
