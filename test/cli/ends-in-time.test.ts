import { expect, it } from 'vitest';
import { endsInTime } from '#dist/cli/serve/ends-in-time.js';
import { deferred } from '#dist/core/deferred.js';
import { FakeClock } from '../support/fake-clock.js';

it('tells what ends from what does not, and leaves no timer', async () => {
  const clock = new FakeClock();
  expect(await endsInTime(Promise.resolve(), 1000, clock)).toBe(true);
  const hanging = endsInTime(deferred<void>().promise, 1000, clock);
  clock.advance(1000);
  expect(await hanging).toBe(false);
  expect(clock.pending).toBe(0);
});

it('passes on what went wrong', async () => {
  const clock = new FakeClock();
  await expect(endsInTime(Promise.reject(new Error('no')), 1000, clock)).rejects.toThrow('no');
  expect(clock.pending).toBe(0);
});
