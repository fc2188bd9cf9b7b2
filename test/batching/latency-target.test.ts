import { setImmediate } from 'node:timers/promises';
import type { ServingError } from 'servable';
import { describe, expect, it } from 'vitest';
import { batchingBench } from '../support/batching.js';
import { rejection } from '../support/rejection.js';
import { seededRandom } from '../support/seeded-random.js';
import { allTurns } from '../support/turns.js';

const targetMs = 20;
const fixedMs = 2;
const perRowMs = 0.1;
const numBatchThreads = 2;

interface Outcome {
  readonly asked: number;
  readonly admitted: number;
  readonly inTime: number;
  readonly startedLate: number;
  readonly largestBatch: number;
}

/**
 * Requests of one row that come at random, so many in a millisecond on average, whoever has been answered or not. A run
 * of n rows takes 2 + 0.1 · n ms, a tenth more or less.
 */
async function offer(perMs: number, forMs: number, seed: number): Promise<Outcome> {
  const random = seededRandom(seed);
  const { clock, inner, ask } = batchingBench(
    { latencyTargetMicros: targetMs * 1000, maxBatchSize: 256 },
    { isManual: true, numBatchThreads },
  );
  const seen = { asked: 0, admitted: 0, inTime: 0, startedLate: 0, largestBatch: 0 };
  const came = new Map<number, number>();
  const run = inner.run.bind(inner);
  inner.run = (request) => {
    const answer = run(request);
    const { rows, x, finish } = inner.runs.pop() as (typeof inner.runs)[number];
    seen.largestBatch = Math.max(seen.largestBatch, rows);
    for (const value of x) {
      if (clock.now() > (came.get(value as number) as number) + targetMs) seen.startedLate++;
    }
    clock.schedule((fixedMs + perRowMs * rows) * (0.9 + 0.2 * random()), () => finish());
    return answer;
  };
  const pending = new Set<Promise<void>>();
  const arrive = () => {
    const value = seen.asked++;
    const cameMs = clock.now();
    came.set(value, cameMs);
    const end = ask([value])
      .then(
        () => {
          seen.admitted++;
          if (clock.now() <= cameMs + targetMs) seen.inTime++;
        },
        ({ code }: ServingError) => {
          if (code !== 'UNAVAILABLE') seen.admitted++;
        },
      )
      .finally(() => pending.delete(end));
    pending.add(end);
    if (cameMs < forMs) clock.schedule(-Math.log(1 - random()) / perMs, arrive);
  };
  arrive();
  while (pending.size > 0 || clock.pending > 0) {
    if (clock.pending > 0) clock.advance(clock.untilNextMs);
    for (let turn = 0; turn < 2; turn++) await setImmediate();
  }
  return seen;
}

/** What two threads can do with batches that leave half a run's time to wait in. */
const capacityPerMs = (() => {
  const rows = Math.floor(((targetMs * 0.9) / 1.25 - fixedMs) / perRowMs);
  return (numBatchThreads * rows) / (fixedMs + perRowMs * rows);
})();

describe('latencyTargetMicros', () => {
  it('takes in everybody, and answers in time, at half of what the threads can do', async () => {
    const { asked, admitted, inTime } = await offer(capacityPerMs / 2, 1000, 1);
    expect(admitted / asked).toBeGreaterThan(0.99);
    expect(inTime / admitted).toBeGreaterThan(0.99);
  });

  it.each([2, 5])(
    'answers in time whom it takes in, at %i times of what the threads can do, refuses the rest, runs nobody late',
    async (load) => {
      const { admitted, inTime, startedLate, largestBatch } = await offer(load * capacityPerMs, 1500, 2);
      expect(inTime / admitted).toBeGreaterThanOrEqual(0.999);
      expect(startedLate).toBe(0);
      expect(inTime / 1500).toBeGreaterThan(0.8 * capacityPerMs);
      expect(largestBatch).toBeGreaterThan(50);
    },
  );

  it('says to whom it refuses what it expected, and what was wanted', async () => {
    const { ask, inner, clock } = batchingBench(
      { latencyTargetMicros: 1000 },
      { isManual: true, id: { model: 'm', version: 2 } },
    );
    const first = ask([1]);
    await allTurns();
    clock.advance(5);
    inner.runs[0]?.finish();
    await first;
    expect(await rejection(ask([1]))).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      message: expect.stringMatching(
        /^Cannot answer 1 rows of m@2 within 1000 µs: with 0 rows ahead it is expected to take \d+ µs$/,
      ),
      expected: 'at most 1000 µs',
    });
  });
});
