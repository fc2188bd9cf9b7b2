import { type BucketOptions, Buckets } from './buckets.js';

/** A row of the table of instruments. */
export interface Instrument {
  /** As it is printed. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Of its values; empty where they are mere numbers. */
  readonly unit: string;
  readonly labels: readonly string[];
  readonly help: string;
  readonly buckets?: Buckets;
  /**
   * Label values are in the end a client's or a disk's: beyond so many combinations, all others are counted as one.
   *
   * @default 10000
   */
  readonly maxSeries?: number;
}

/** What a row says beside its name, type and labels. */
interface Description {
  readonly help: string;
  readonly unit?: string;
  readonly maxSeries?: number;
}

export type Counter = Instrument & { readonly type: 'counter' };
export type Gauge = Instrument & { readonly type: 'gauge' };
export type Histogram = Instrument & { readonly type: 'histogram'; readonly buckets: Buckets };

export function counter(name: string, labels: readonly string[], description: Description): Counter {
  return { name, type: 'counter', labels, unit: '', ...description };
}

export function gauge(name: string, labels: readonly string[], description: Description): Gauge {
  return { name, type: 'gauge', labels, unit: '', ...description };
}

export function histogram(
  name: string,
  labels: readonly string[],
  { buckets, ...description }: Description & { readonly buckets: BucketOptions },
): Histogram {
  return { name, type: 'histogram', labels, unit: '', buckets: new Buckets(buckets), ...description };
}
