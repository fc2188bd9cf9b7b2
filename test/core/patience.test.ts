import type { CancelSignal } from 'servable';
import { describe, expect, it } from 'vitest';
import { deferred } from '#dist/core/deferred.js';
import { withPatience } from '#dist/core/patience.js';
import { countingSignal } from '../support/counting-signal.js';
import { FakeClock } from '../support/fake-clock.js';
import { rejection } from '../support/rejection.js';
import { collectUncaught } from '../support/uncaught.js';

/** Work that ends when it is told, under a caller with 5 ms and a signal. */
function arrange() {
  const clock = new FakeClock();
  const caller = countingSignal();
  const work = deferred<string>();
  let given: CancelSignal | undefined;
  const answer = withPatience(clock, { timeoutMs: 5, signal: caller.signal }, (signal) => {
    given = signal;
    return work.promise;
  });
  const left = () => [caller.listeners(), clock.pending];
  expect(left()).toEqual([1, 1]);
  return { clock, caller, work, answer, given: given as unknown as AbortSignal, left };
}

describe('withPatience', () => {
  it('brings what the work brings', async () => {
    const { work, answer, given, left } = arrange();
    work.resolve('done');
    expect(await answer).toBe('done');
    expect(left()).toEqual([0, 0]);
    expect(given.aborted).toBe(false);
  });

  it('rejects with what the work rejects with', async () => {
    const { work, answer, left } = arrange();
    const error = new Error('no');
    work.reject(error);
    await expect(answer).rejects.toBe(error);
    expect(left()).toEqual([0, 0]);
  });

  it('rejects with what the work throws at once', async () => {
    const clock = new FakeClock();
    const caller = countingSignal();
    const answer = withPatience(clock, { timeoutMs: 5, signal: caller.signal }, () => {
      throw new Error('no');
    });
    await expect(answer).rejects.toThrow('no');
    expect([caller.listeners(), clock.pending]).toEqual([0, 0]);
  });

  it('does not begin where the caller gave up before', async () => {
    const { signal, controller, listeners } = countingSignal();
    controller.abort('enough');
    let hasBegun = false;
    const answer = withPatience(new FakeClock(), { signal }, async () => {
      hasBegun = true;
    });
    expect(await rejection(answer)).toMatchObject({
      code: 'CANCELLED',
      message: 'The request was aborted',
      cause: 'enough',
    });
    expect([hasBegun, listeners()]).toEqual([false, 0]);
  });

  it('answers at once when the caller gives up, and stops the work', async () => {
    const { caller, answer, given, left } = arrange();
    caller.controller.abort('enough');
    const error = await rejection(answer);
    expect(error).toMatchObject({ code: 'CANCELLED', cause: 'enough' });
    expect(given.reason).toBe(error);
    expect(left()).toEqual([0, 0]);
  });

  it('answers when the time is over, not before, and stops the work', async () => {
    const { clock, answer, given, left } = arrange();
    clock.advance(4);
    expect(given.aborted).toBe(false);
    clock.advance(1);
    const error = await rejection(answer);
    expect(error).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'The request took longer than its timeout of 5 ms',
    });
    expect(given.reason).toBe(error);
    expect(left()).toEqual([0, 0]);
  });

  it('gives its own reason where the work rejects because it was stopped', async () => {
    const clock = new FakeClock();
    const answer = withPatience(clock, { timeoutMs: 5 }, (signal) => {
      const { promise, reject } = deferred<never>();
      signal?.addEventListener('abort', () => reject(new Error('stopped')));
      return promise;
    });
    clock.advance(5);
    expect(await rejection(answer)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('has no effect any more when the caller gives up afterwards', async () => {
    const { caller, work, answer, given } = arrange();
    work.resolve('done');
    await answer;
    caller.controller.abort();
    expect(given.aborted).toBe(false);
  });

  it('lets no rejection that comes too late go unhandled', async () => {
    const { uncaught } = collectUncaught();
    const { clock, work, answer } = arrange();
    clock.advance(5);
    await rejection(answer);
    work.reject(new Error('too late'));
    expect(await uncaught()).toEqual([]);
  });

  it('lets nothing go unhandled where the work gives up itself and then throws', async () => {
    const { uncaught } = collectUncaught();
    const { signal, controller } = countingSignal();
    const answer = withPatience(new FakeClock(), { signal }, () => {
      controller.abort();
      throw new Error('and more');
    });
    expect(await rejection(answer)).toMatchObject({ code: 'CANCELLED' });
    expect(await uncaught()).toEqual([]);
  });

  it('gives the work no signal, and sets no timer, where the caller has all patience', async () => {
    const clock = new FakeClock();
    const given: unknown[] = [];
    for (const patience of [{}, { timeoutMs: Number.POSITIVE_INFINITY }])
      await withPatience(clock, patience, async (signal) => given.push(signal));
    expect([given, clock.pending]).toEqual([[undefined, undefined], 0]);
  });

  it('sets no timer for a caller who has a signal alone', async () => {
    const clock = new FakeClock();
    const { signal } = countingSignal();
    await withPatience(clock, { signal }, async () => expect(clock.pending).toBe(0));
  });

  it.each<[unknown, string]>([
    [0, '0'],
    [-1, '-1'],
    [Number.NaN, 'NaN'],
    ['5', '"5"'],
    [null, 'null'],
  ])('refuses a timeout of %s', async (timeoutMs, actual) => {
    const answer = withPatience(new FakeClock(), { timeoutMs: timeoutMs as number }, async () => 'done');
    expect(await rejection(answer)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      option: 'timeoutMs',
      message: `Cannot wait for ${actual} ms, expected timeoutMs to be more than 0`,
    });
  });
});

describe('a signal that many requests share', () => {
  it('is not taken for a leak', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    const abort = new AbortController();
    const never = () => new Promise<void>(() => {});
    const waits = Array.from({ length: 20 }, () =>
      withPatience(new FakeClock(), { signal: abort.signal }, never).catch(() => {}),
    );
    await new Promise(setImmediate);
    abort.abort();
    await Promise.all(waits);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
});
