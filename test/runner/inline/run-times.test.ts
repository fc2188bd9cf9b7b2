import { describe, expect, it } from 'vitest';
import { RunTimes } from '#dist/runner/inline/run-times.js';

describe('RunTimes', () => {
  const measured = (...runs: [elements: number, micros: number][]) => {
    const times = new RunTimes();
    for (const [elements, micros] of runs) times.record(elements, micros);
    return times;
  };
  it.each<[string, RunTimes, number, number]>([
    ['knows nothing at first', measured(), 64, Number.POSITIVE_INFINITY],
    ['believes no one or two runs', measured([64, 5], [64, 5]), 64, Number.POSITIVE_INFINITY],
    ['expects the worst of the recent ones', measured([64, 5], [64, 9], [64, 5]), 64, 8.1],
    [
      'tells sizes apart by powers of two',
      measured([64, 5], [64, 5], [64, 5]),
      128,
      Number.POSITIVE_INFINITY,
    ],
    ['takes sizes within a power of two for one', measured([64, 5], [100, 5], [127, 5]), 90, 5],
    ['knows models without inputs', measured([0, 5], [0, 5], [0, 5]), 0, 5],
  ])('%s', (_, times, elements, expected) => {
    expect(times.expectedMicros(elements)).toBeCloseTo(expected);
  });

  it('forgets a slow run after some tens of fast ones', () => {
    const times = measured([64, 5000]);
    for (let i = 0; i < 66; i++) times.record(64, 5);
    expect(times.expectedMicros(64)).toBeLessThan(10);
  });

  it('forgets everything when it is cleared', () => {
    const times = measured([64, 5], [64, 5], [64, 5]);
    times.clear();
    expect(times.expectedMicros(64)).toBe(Number.POSITIVE_INFINITY);
  });
});
