import { describe, expect, it } from 'vitest';
import { CostModel } from '#dist/batching/adaptive/cost-model.js';
import { normal } from '../../support/queue-simulation.js';
import { seededRandom } from '../../support/seeded-random.js';

type Run = readonly [rows: number, micros: number];

function learn(runs: readonly Run[], model = new CostModel()): CostModel {
  for (const [rows, micros] of runs) model.observe(rows, micros);
  return model;
}

/** Runs that cost exactly `fixed + perRow · rows`, of sizes that come round. */
function cleanRuns(count: number, fixed: number, perRow: number, sizes = [1, 2, 4, 8, 16]): Run[] {
  return Array.from({ length: count }, (_, index) => {
    const rows = sizes[index % sizes.length] as number;
    return [rows, fixed + perRow * rows];
  });
}

describe('the cost of runs', () => {
  it.each([
    ['a fixed part and rows', 1000, 50],
    ['rows alone', 0, 50],
    ['a fixed part alone', 1000, 0],
  ])('is learned from clean runs: %s', (_, fixed, perRow) => {
    const model = learn(cleanRuns(200, fixed, perRow));
    expect(Math.abs(model.fixedMicros - fixed)).toBeLessThan(20);
    for (const rows of [1, 8, 32]) {
      const micros = fixed + perRow * rows;
      expect(Math.abs(model.expectedMicros(rows) - micros)).toBeLessThan(0.03 * micros);
      expect(model.upperMicros(rows)).toBeGreaterThan(model.expectedMicros(rows));
    }
  });

  it('is nothing before the first run', () => {
    const { runs, fixedMicros, perRowMicros } = new CostModel();
    expect({ runs, fixedMicros, perRowMicros }).toEqual({ runs: 0, fixedMicros: 0, perRowMicros: 0 });
    expect(new CostModel().upperMicros(10)).toBe(0);
  });

  it('is all in the rows while one size was seen, so that larger runs are not under-rated', () => {
    const model = learn(cleanRuns(50, 1000, 50, [8]));
    expect(model.expectedMicros(8)).toBeCloseTo(1400);
    expect(model.expectedMicros(16)).toBeCloseTo(2800);
    expect(model.fixedMicros).toBe(0);
  });

  it('keeps what other sizes cost, through a thousand runs of one size', () => {
    const model = learn(cleanRuns(1000, 1000, 50, [64]), learn(cleanRuns(100, 1000, 50)));
    expect(model.expectedMicros(1)).toBeGreaterThan(900);
    expect(model.expectedMicros(1)).toBeLessThan(1200);
  });

  it('scales what other sizes cost when runs of one size have become slower', () => {
    const model = learn(cleanRuns(100, 3000, 150, [64]), learn(cleanRuns(100, 1000, 50)));
    expect(model.expectedMicros(64)).toBeGreaterThan(0.97 * 12_600);
    expect(model.expectedMicros(1)).toBeGreaterThan(2500);
  });

  it.each([
    ['slower', 3],
    ['faster', 1 / 3],
    ['a hundred times slower', 100],
  ])('is followed within 10 runs when the model becomes %s', (_, factor) => {
    const model = learn(cleanRuns(10, 1000 * factor, 50 * factor), learn(cleanRuns(100, 1000, 50)));
    expect(model.expectedMicros(8) / (1400 * factor)).toBeGreaterThan(0.9);
    expect(model.expectedMicros(8) / (1400 * factor)).toBeLessThan(1.1);
  });

  it.each([10, 100, 1e6])('is hardly moved by one run that takes %d times as long', (factor) => {
    const model = learn(cleanRuns(100, 1000, 50));
    const before = model.expectedMicros(8);
    model.observe(8, 1400 * factor);
    expect(model.expectedMicros(8) / before).toBeLessThan(1.05);
    expect(model.margin).toBeLessThan(0.5);
  });

  it('is found again when the very first run was the outlier', () => {
    const model = learn([[1, 100_000], ...cleanRuns(20, 1000, 50)]);
    expect(model.expectedMicros(8)).toBeGreaterThan(0.8 * 1400);
    expect(model.expectedMicros(8)).toBeLessThan(1.2 * 1400);
  });

  it.each([1, 2, 3])('has its 99th percentile about where the noise puts it [seed %i]', (seed) => {
    const random = seededRandom(seed);
    const noisy = (rows: number) => (1000 + 50 * rows) * Math.exp(0.2 * normal(random));
    const model = learn(
      Array.from({ length: 500 }, (_, index) => [1 + (index % 32), noisy(1 + (index % 32))]),
    );
    const slow = Array.from({ length: 10_000 }, () => noisy(8)).filter(
      (micros) => micros > model.upperMicros(8),
    );
    expect(slow.length / 10_000).toBeLessThan(0.02);
    expect(model.upperMicros(8)).toBeLessThan(2.5 * 1400);
  });

  it.each([
    ['no rows', 0, 100],
    ['fewer than no rows', -1, 100],
    ['rows that are no number', Number.NaN, 100],
    ['time that is no number', 8, Number.NaN],
    ['less than no time', 8, -1],
    ['endless time', 8, Number.POSITIVE_INFINITY],
  ])('takes no notice of %s', (_, rows, micros) => {
    const model = learn([[rows, micros]], learn(cleanRuns(10, 1000, 50)));
    expect(model.runs).toBe(10);
    expect(model.expectedMicros(8)).toBe(learn(cleanRuns(10, 1000, 50)).expectedMicros(8));
  });

  it('stays finite where a clock stands still', () => {
    const model = learn(Array.from({ length: 100 }, () => [8, 0]));
    expect(model.upperMicros(8)).toBeLessThan(1);
    model.observe(8, 1000);
    expect(Number.isFinite(model.upperMicros(8))).toBe(true);
  });

  it.each([
    [999, 0],
    [1000, 0],
    [1401, 8],
  ])('says how many rows run within %i us: %i', (micros, rows) => {
    expect(Math.abs(learn(cleanRuns(2000, 1000, 50)).rowsWithin(micros) - rows)).toBeLessThanOrEqual(1);
  });
});
