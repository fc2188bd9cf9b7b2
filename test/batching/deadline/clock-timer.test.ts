import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createDeadlineTimer } from '#dist/batching/deadline/create-deadline-timer.js';
import { ThreadTimer } from '#dist/batching/deadline/thread-timer.js';
import { systemClock } from '#dist/core/clock.js';
import { FakeClock } from '../../support/fake-clock.js';

it("is chosen for any clock but the system's", async () => {
  const timer = createDeadlineTimer(systemClock, () => {});
  expect(timer).toBeInstanceOf(ThreadTimer);
  await timer.close(); // nothing was set: there is no thread
  expect(createDeadlineTimer(new FakeClock(), () => {})).not.toBeInstanceOf(ThreadTimer);
});

it('calls at the last moment that was set, once, and not after it was cleared or closed', () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), inMs: fc.integer({ min: -5, max: 20 }) }),
    fc.record({ kind: fc.constant('clear' as const) }),
    fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 10 }) }),
  );
  fc.assert(
    fc.property(fc.array(action), (actions) => {
      const clock = new FakeClock();
      const calls: number[] = [];
      const timer = createDeadlineTimer(clock, () => calls.push(clock.now()));
      const expected: number[] = [];
      let dueMs = Number.POSITIVE_INFINITY;
      for (const it of actions) {
        if (it.kind === 'set') {
          timer.set(clock.now() + it.inMs);
          dueMs = Math.max(clock.now(), clock.now() + it.inMs);
        } else if (it.kind === 'clear') {
          timer.clear();
          dueMs = Number.POSITIVE_INFINITY;
        } else {
          if (dueMs <= clock.now() + it.ms) {
            expected.push(dueMs);
            dueMs = Number.POSITIVE_INFINITY;
          }
          clock.advance(it.ms);
        }
      }
      void timer.close();
      timer.set(clock.now());
      clock.advance(100);
      expect(calls).toEqual(expected);
      expect(clock.pending).toBe(0);
    }),
  );
});
