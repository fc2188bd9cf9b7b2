import { describe, expect, it } from 'vitest';
import { Buckets } from '#dist/metrics/instruments/buckets.js';
import { instruments } from '#dist/metrics/instruments/instruments.js';
import { HistogramCell } from '#dist/metrics/series/cells.js';

describe('buckets', () => {
  it('grow by their factor, and end with infinity', () => {
    const { labels } = new Buckets({ first: 1, factor: 2, count: 4 });
    expect(labels).toEqual(['1', '2', '4', '8', '+Inf']);
  });

  it.each([
    ['a bound counts with what is below it, as in Prometheus', false, [0, 0, 1, 1, 2, 2]],
    ['a bound counts with what is above it, as in TensorFlow', true, [0, 1, 1, 2, 2, 2]],
  ])('%s', (_title, isExclusive, places) => {
    const buckets = new Buckets({ first: 1, factor: 2, count: 2, isExclusive });
    const values = [0.5, 1, 1.5, 2, 2.5, Number.POSITIVE_INFINITY];
    expect(values.map((value) => buckets.indexOf(value))).toEqual(places);
  });

  it('put what is no number behind all bounds, and what is below all in the first', () => {
    const buckets = new Buckets({ first: 1, factor: 2, count: 2 });
    expect(buckets.indexOf(Number.NaN)).toBe(2);
    expect(buckets.indexOf(-1)).toBe(0);
  });

  it('are named as TF Serving prints them', () => {
    const { labels } = instruments.requestLatency.buckets;
    expect(labels.slice(0, 4)).toEqual(['10', '18', '32.4', '58.32']);
    expect(labels.slice(19, 22)).toEqual(['708235', '1.27482e+06', '2.29468e+06']);
    expect(labels).toHaveLength(34);
    expect(instruments.queuingLatency.buckets.labels).toHaveLength(53);
    expect(instruments.queuingLatency.buckets.labels.at(-2)).toBe('1.09205e+06');
  });
});

describe('a histogram', () => {
  it('finds a quantile within its bucket', () => {
    const cell = new HistogramCell(new Buckets({ first: 1, factor: 2, count: 3 }));
    for (const value of [1.5, 1.5, 3, 3]) cell.observe(value);
    expect(cell.quantile(0.5)).toBe(2);
    expect(cell.quantile(0.75)).toBe(3);
    expect(cell.quantile(1)).toBe(4);
  });

  it('answers a quantile beyond its bounds with the last of them', () => {
    const cell = new HistogramCell(new Buckets({ first: 1, factor: 2, count: 3 }));
    cell.observe(100);
    expect(cell.quantile(0.5)).toBe(4);
  });

  it('has no quantile of nothing', () => {
    expect(new HistogramCell(new Buckets({ first: 1, factor: 2, count: 3 })).quantile(0.5)).toBeNaN();
  });
});
