import { describe, expect, it } from 'vitest';
import { LatencyControl, type Placement } from '#dist/batching/adaptive/latency-control.js';

const millisecond = 1000;

/** A control of a version whose runs cost 1000 + 50 · rows, after `runs` full ones. */
function learned(options: { targetMicros?: number; maxRows?: number; slots?: number; runs?: number } = {}) {
  const { targetMicros = 20 * millisecond, maxRows = 1000, slots = 1, runs = 200 } = options;
  const control = new LatencyControl({ targetMicros, maxRows, slots });
  for (let run = 0; run < runs; run++) {
    const rows = run % 2 === 0 ? control.maxRows : Math.ceil(control.maxRows / 2);
    control.observeRun({ rows, startedMicros: 0 }, 1000 + 50 * rows);
    control.observeLatency(0);
  }
  return control;
}

const alone: Placement = {
  rows: 1,
  waitingRows: 0,
  firstArrivalMicros: Number.NaN,
  busyUntilMicros: [],
  nowMicros: 1e9,
};

describe('the size of batches', () => {
  it('starts at one row and doubles with the sizes that were seen', () => {
    const control = new LatencyControl({ targetMicros: 1e9, maxRows: 20, slots: 1 });
    const sizes = Array.from({ length: 7 }, () => {
      const rows = control.maxRows;
      control.observeRun({ rows, startedMicros: 0 }, 10 * rows);
      return rows;
    });
    expect(sizes).toEqual([1, 2, 4, 8, 16, 20, 20]);
  });

  it('does not grow beyond twice what was seen, however cheap rows are', () => {
    const control = new LatencyControl({ targetMicros: 1e9, maxRows: 1000, slots: 1 });
    for (let run = 0; run < 100; run++) control.observeRun({ rows: 3, startedMicros: 0 }, 1);
    expect(control.maxRows).toBe(6);
  });

  it('grows with the target, up to maxRows', () => {
    const sizes = [1, 2, 5, 10, 20, 50, 100].map(
      (milliseconds) => learned({ targetMicros: milliseconds * millisecond }).maxRows,
    );
    expect(sizes).toEqual([...sizes].sort((one, other) => one - other));
    expect(sizes[0]).toBe(1);
    expect(sizes.at(-1)).toBe(1000);
  });

  it('leaves time to wait for the run under way, half of one of each slot', () => {
    const [one, four] = [learned({ slots: 1 }), learned({ slots: 4 })];
    expect(1.5 * (1000 + 50 * one.maxRows)).toBeLessThan(0.9 * 20 * millisecond);
    expect(1.5 * (1000 + 50 * one.maxRows)).toBeGreaterThan(0.75 * 20 * millisecond);
    expect(four.maxRows).toBeGreaterThan(one.maxRows);
  });

  it('shrinks after misses, and recovers', () => {
    const control = learned();
    const before = control.maxRows;
    for (let miss = 0; miss < 10; miss++) control.observeLatency(21 * millisecond);
    const during = control.maxRows;
    for (let hit = 0; hit < 1000; hit++) control.observeLatency(millisecond);
    expect(during).toBeLessThan(0.8 * before);
    expect(control.maxRows).toBe(before);
  });

  it('takes no notice of one late batch in a hundred', () => {
    const control = learned();
    for (let batch = 0; batch < 2000; batch++) control.observeLatency(batch % 101 === 0 ? 1e9 : 0);
    expect(control.budgetShare).toBe(0.9);
  });

  it('ends at one row and a tenth of the target, whatever is missed', () => {
    const control = learned();
    for (let miss = 0; miss < 1000; miss++) control.observeLatency(Number.POSITIVE_INFINITY);
    expect(control.budgetShare).toBe(0.1);
    expect(control.maxRows).toBeGreaterThanOrEqual(1);
  });

  it('ends where the oldest request would be late', () => {
    const control = learned();
    expect(control.rowsFor(0, 0)).toBe(control.maxRows);
    expect(control.rowsFor(0, 11 * millisecond)).toBeLessThan(0.8 * control.maxRows);
  });

  it('is a quarter of a full batch at least, rather than to make others late for one that is lost', () => {
    const control = learned();
    expect(control.rowsFor(0, 40 * millisecond)).toBe(Math.ceil(control.maxRows / 4));
  });
});

describe('the wait of a batch that is not full', () => {
  it('ends when its rows have waited for what one more run costs', () => {
    const control = learned();
    const dueMicros = control.dueMicros({ rows: 2, sumOfArrivalMicros: 300, firstArrivalMicros: 100 });
    expect(dueMicros).toBeCloseTo((control.cost.fixedMicros + 300) / 2);
  });

  it('ends before the oldest row would be late', () => {
    const control = learned({ targetMicros: 2 * millisecond });
    const dueMicros = control.dueMicros({ rows: 1, sumOfArrivalMicros: 0, firstArrivalMicros: 0 });
    expect(dueMicros + control.cost.fixedMicros + control.cost.perRowMicros).toBeLessThan(2 * millisecond);
  });

  it('is none while nothing is known', () => {
    const control = new LatencyControl({ targetMicros: 1000, maxRows: 10, slots: 1 });
    expect(control.dueMicros({ rows: 1, sumOfArrivalMicros: 70, firstArrivalMicros: 70 })).toBe(70);
  });
});

describe('admission', () => {
  it('takes only who starts at once before the first run has ended', () => {
    const control = new LatencyControl({ targetMicros: 1000, maxRows: 10, slots: 2 });
    expect(control.admits(alone)).toBe(true);
    expect(control.admits({ ...alone, busyUntilMicros: [1e9] })).toBe(true);
    expect(control.admits({ ...alone, busyUntilMicros: [1e9, 1e9] })).toBe(false);
    expect(control.admits({ ...alone, waitingRows: 1, firstArrivalMicros: 1e9 })).toBe(false);
  });

  it('takes requests up to the depth of queue that is answered in time', () => {
    const control = learned({ maxRows: 50 }); // A full run takes 3.5 ms, and the target is 20 ms.
    const admitted = Array.from({ length: 500 }, (_, waitingRows) =>
      control.admits({ ...alone, waitingRows, firstArrivalMicros: 1e9, busyUntilMicros: [1e9 + 3500] }),
    );
    const depth = admitted.indexOf(false);
    expect(depth).toBeGreaterThanOrEqual(100);
    expect(depth).toBeLessThanOrEqual(200);
    expect(admitted.slice(depth)).not.toContain(true);
  });

  it('counts on each slot', () => {
    const [one, two] = [learned({ maxRows: 50 }), learned({ maxRows: 50, slots: 2 })];
    const placement = { ...alone, waitingRows: 175, firstArrivalMicros: 1e9 };
    expect(two.forecastMicros({ ...placement, busyUntilMicros: [1e9, 1e9] })).toBeLessThan(
      one.forecastMicros({ ...placement, busyUntilMicros: [1e9] }),
    );
  });

  it('counts on a run that is overdue to take as long again', () => {
    const control = learned();
    expect(control.endMicros({ rows: 20, startedMicros: 0 }, 100)).toBeCloseTo(2000, -2);
    expect(control.endMicros({ rows: 20, startedMicros: 0 }, 30_000)).toBe(60_000);
  });

  it('takes only probes where the target is less than one run, a hundredth of the time', () => {
    const control = new LatencyControl({ targetMicros: 500, maxRows: 10, slots: 1 });
    let nowMicros = 0;
    let probes = 0;
    for (; nowMicros < 1e8; nowMicros += 500) {
      if (!control.admits({ ...alone, nowMicros })) continue;
      probes++;
      expect(control.latestStartMicros(nowMicros, 1)).toBeGreaterThan(nowMicros);
      control.observeRun({ rows: 1, startedMicros: nowMicros }, nowMicros + 1000);
      control.observeLatency(1000);
      nowMicros += 1000;
    }
    expect(probes).toBeGreaterThan(900);
    expect(probes).toBeLessThan(1100);
  });

  it('opens again, by its probes, when the model has become faster', () => {
    const control = new LatencyControl({ targetMicros: 500, maxRows: 10, slots: 1 });
    let nowMicros = 0;
    const serve = (runMicros: number) => {
      nowMicros += 2000;
      if (!control.admits({ ...alone, nowMicros })) return;
      control.observeRun({ rows: 1, startedMicros: nowMicros }, nowMicros + runMicros);
    };
    for (let request = 0; request < 10_000; request++) serve(1000);
    expect(control.admits({ ...alone, nowMicros: nowMicros + 1 })).toBe(false);
    for (let request = 0; request < 1000; request++) serve(100);
    expect(control.admits({ ...alone, nowMicros: nowMicros + 101 })).toBe(true);
  });
});

describe('the latest start', () => {
  it('is the deadline, less what the run takes', () => {
    const control = learned();
    expect(control.latestStartMicros(5000, 100) / (25_000 - 6000)).toBeCloseTo(1, 1);
  });
});
