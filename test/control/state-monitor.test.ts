import { describe, expect, it } from 'vitest';
import type { ServableState } from '#dist/control/servable-state.js';
import { StateMonitor } from '#dist/control/state-monitor.js';
import { ServingError } from '#dist/core/errors.js';
import { caught } from '../support/caught.js';
import { countingSignal } from '../support/counting-signal.js';
import { FakeClock } from '../support/fake-clock.js';
import { rejection } from '../support/rejection.js';
import { collectUncaught } from '../support/uncaught.js';

const digits = (version: number) => ({ model: 'digits', version });
const failure = new ServingError('INVALID_ARGUMENT', 'Cannot load digits@1');

function arrange(endedRetentionMs?: number) {
  const clock = new FakeClock();
  const monitor = new StateMonitor({ clock, ...(endedRetentionMs !== undefined && { endedRetentionMs }) });
  const publish = (version: number, state: ServableState, error?: ServingError) =>
    monitor.publish({ id: digits(version), state, ...(error && { error }) });
  const shown = () => monitor.status('digits').map(({ id, state }) => `${id.version} ${state}`);
  return { clock, monitor, publish, shown };
}

describe('StateMonitor', () => {
  it('shows the newest state of each version, the highest version first', () => {
    const { monitor, publish, shown } = arrange();
    publish(2, 'LOADING');
    publish(10, 'START');
    publish(2, 'AVAILABLE');
    monitor.publish({ id: { model: 'other', version: 5 }, state: 'START' });
    expect(shown()).toEqual(['10 START', '2 AVAILABLE']);
    expect(monitor.status().map(({ id }) => id.model)).toEqual(['digits', 'digits', 'other']);
    expect(monitor.status('unknown')).toEqual([]);
  });

  it('remembers before it tells', () => {
    const { monitor, publish, shown } = arrange();
    const seen: string[][] = [];
    monitor.listen(() => seen.push(shown()));
    publish(1, 'LOADING');
    expect(seen).toEqual([['1 LOADING']]);
  });

  it('tells until the listener has had enough', () => {
    const { monitor, publish } = arrange();
    const heard: string[] = [];
    const stop = monitor.listen(({ state }) => heard.push(state));
    publish(1, 'START');
    stop();
    publish(1, 'LOADING');
    expect(heard).toEqual(['START']);
  });

  it('tells a function that listens twice twice, until each has had enough', () => {
    const { monitor, publish } = arrange();
    let heard = 0;
    const listener = () => void heard++;
    const stop = monitor.listen(listener);
    monitor.listen(listener);
    publish(1, 'START');
    stop();
    publish(1, 'LOADING');
    expect(heard).toBe(3);
  });

  it('tells all the same order where a listener causes the next state', () => {
    const { monitor, publish } = arrange();
    const heard: string[] = [];
    monitor.listen(({ state }) => state === 'START' && publish(1, 'LOADING'));
    monitor.listen(({ state }) => heard.push(state));
    publish(1, 'START');
    expect(heard).toEqual(['START', 'LOADING']);
  });

  it('goes on telling the others when a listener throws, and does not hide what it threw', async () => {
    const { uncaught } = collectUncaught();
    const { monitor, publish } = arrange();
    const heard: string[] = [];
    const mistake = new Error('a mistake of the listener');
    monitor.listen(() => {
      throw mistake;
    });
    monitor.listen(({ state }) => heard.push(state));
    publish(1, 'START');
    publish(1, 'LOADING');
    expect(heard).toEqual(['START', 'LOADING']);
    expect(await uncaught()).toEqual([mistake, mistake]);
  });
});

describe('what the StateMonitor shows of ended versions', () => {
  it('is forgotten after a while where the version ended without an error', () => {
    const { clock, publish, shown } = arrange(1000);
    publish(1, 'END');
    publish(2, 'AVAILABLE');
    clock.advance(999);
    expect(shown()).toEqual(['2 AVAILABLE', '1 END']);
    clock.advance(1);
    expect(shown()).toEqual(['2 AVAILABLE']);
  });

  it('stays where the version failed, until it is given up, and then for a while', () => {
    const { clock, monitor, publish, shown } = arrange(1000);
    publish(1, 'END', failure);
    clock.advance(1_000_000);
    expect(shown()).toEqual(['1 END']);
    monitor.giveUp(digits(1));
    clock.advance(500);
    monitor.giveUp(digits(1)); // a second time does not make it stay longer
    clock.advance(499);
    expect(shown()).toEqual(['1 END']);
    clock.advance(1);
    expect(shown()).toEqual([]);
  });

  it('is forgotten after ten minutes by default', () => {
    const { clock, publish, shown } = arrange();
    publish(1, 'END');
    clock.advance(599_999);
    expect(shown()).toEqual(['1 END']);
    clock.advance(1);
    expect(shown()).toEqual([]);
  });

  it('is not forgotten where the version has come back meanwhile', () => {
    const { clock, monitor, publish, shown } = arrange(1000);
    publish(1, 'END', failure);
    monitor.giveUp(digits(1));
    publish(1, 'START');
    clock.advance(5000);
    expect(shown()).toEqual(['1 START']);
  });

  it('is not given up where the version has not ended, or is not known', () => {
    const { clock, monitor, publish, shown } = arrange(1000);
    publish(1, 'LOADING');
    monitor.giveUp(digits(1));
    monitor.giveUp(digits(2));
    monitor.giveUp({ model: 'unknown', version: 1 });
    clock.advance(5000);
    expect(shown()).toEqual(['1 LOADING']);
  });

  it('is shown for ever where the retention is infinite', () => {
    const { clock, publish, shown } = arrange(Number.POSITIVE_INFINITY);
    publish(1, 'END');
    clock.advance(1e12);
    expect(shown()).toEqual(['1 END']);
  });

  it.each([-1, Number.NaN])('cannot have a retention of %s', (endedRetentionMs) => {
    expect(caught(() => new StateMonitor({ endedRetentionMs }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      option: 'endedRetentionMs',
    });
  });

  it('does not pile up when versions come and go', () => {
    const { clock, monitor, publish } = arrange(1000);
    for (let version = 1; version <= 1000; version++) {
      publish(version, 'START');
      publish(version, 'END', version % 2 === 0 ? failure : undefined);
      monitor.giveUp(digits(version));
      clock.advance(100);
    }
    expect(monitor.status().map(({ id }) => id.version)).toHaveLength(9);
  });
});

describe('the history of a version', () => {
  it('tells what happened when, and why', () => {
    let nowMs = 1000;
    const history = new StateMonitor({ clock: new FakeClock(), unixTime: () => nowMs });
    const version = { model: 'digits', version: 7 };
    const error = new ServingError('UNAVAILABLE', 'The load thread died');
    history.publish({ id: version, state: 'LOADING' });
    nowMs = 2000;
    history.publish({ id: version, state: 'LOADING', retry: { failures: 1, error, nextAttemptMs: 5 } });
    nowMs = 1500; // the wall clock may jump
    history.publish({ id: version, state: 'AVAILABLE' });
    expect(history.history(version)).toEqual([
      { state: 'LOADING', atMs: 1000 },
      { state: 'LOADING', atMs: 2000, error },
      { state: 'AVAILABLE', atMs: 1500 },
    ]);
    expect(history.history({ model: 'digits', version: 8 })).toEqual([]);
  });

  it('keeps the last 50 changes', () => {
    const history = new StateMonitor({ clock: new FakeClock(), unixTime: () => 0 });
    const version = { model: 'digits', version: 7 };
    for (let load = 0; load < 100; load++) history.publish({ id: version, state: 'LOADING' });
    history.publish({ id: version, state: 'AVAILABLE' });
    expect(history.history(version)).toHaveLength(50);
    expect(history.history(version).at(-1)?.state).toBe('AVAILABLE');
  });
});

describe('StateMonitor.waitFor', () => {
  it('resolves at once where the version is there already', async () => {
    const { clock, monitor, publish } = arrange();
    publish(1, 'AVAILABLE');
    expect(await monitor.waitFor(digits(1), 'AVAILABLE', { timeoutMs: 5 })).toEqual(digits(1));
    expect(clock.pending).toBe(0);
  });

  it('resolves later, with a version that need not be known yet', async () => {
    const { clock, monitor, publish } = arrange();
    const { signal, listeners } = countingSignal();
    const waiting = monitor.waitFor(digits(2), 'AVAILABLE', { signal, timeoutMs: 5 });
    expect([listeners(), clock.pending]).toEqual([1, 1]);
    publish(1, 'AVAILABLE');
    monitor.publish({ id: { model: 'other', version: 2 }, state: 'AVAILABLE' });
    publish(2, 'LOADING');
    publish(2, 'AVAILABLE');
    expect(await waiting).toEqual(digits(2));
    expect([listeners(), clock.pending]).toEqual([0, 0]);
  });

  it('resolves with whichever version of the model comes first, failed ones aside', async () => {
    const { monitor, publish } = arrange();
    const waiting = monitor.waitFor({ model: 'digits' }, 'AVAILABLE');
    publish(3, 'END', failure);
    publish(2, 'AVAILABLE');
    expect(await waiting).toEqual(digits(2));
  });

  it('resolves where the end is awaited, with an error or without', async () => {
    const { monitor, publish } = arrange();
    publish(1, 'END', failure);
    expect(await monitor.waitFor(digits(1), 'END')).toEqual(digits(1));
    publish(2, 'END');
    expect(await monitor.waitFor(digits(2), 'END')).toEqual(digits(2));
  });

  it('rejects with the version’s own error, whether it failed before or fails meanwhile', async () => {
    const { clock, monitor, publish } = arrange();
    const { signal, listeners } = countingSignal();
    const waiting = rejection(monitor.waitFor(digits(1), 'AVAILABLE', { signal, timeoutMs: 5 }));
    publish(1, 'END', failure);
    expect(await waiting).toBe(failure);
    expect([listeners(), clock.pending]).toEqual([0, 0]);
    expect(await rejection(monitor.waitFor(digits(1), 'AVAILABLE'))).toBe(failure);
  });

  it('waits on where the version ends without an error, since it may come back', async () => {
    const { monitor, publish } = arrange();
    publish(1, 'LOADING');
    const waiting = monitor.waitFor(digits(1), 'AVAILABLE');
    publish(1, 'END');
    publish(1, 'START');
    publish(1, 'AVAILABLE');
    expect(await waiting).toEqual(digits(1));
  });

  it('waits for a version that ended long ago to come back, whether that is still shown or not', async () => {
    const { monitor, publish } = arrange();
    publish(1, 'END');
    publish(2, 'END', failure);
    monitor.giveUp(digits(2));
    const waiting = [1, 2].map((version) => monitor.waitFor(digits(version), 'AVAILABLE'));
    publish(1, 'AVAILABLE');
    publish(2, 'AVAILABLE');
    expect(await Promise.all(waiting)).toEqual([digits(1), digits(2)]);
  });

  it('rejects when it is aborted, and when it was before', async () => {
    const { clock, monitor, publish } = arrange();
    const { controller, signal, listeners } = countingSignal();
    const waiting = rejection(monitor.waitFor(digits(1), 'AVAILABLE', { signal, timeoutMs: 5 }));
    controller.abort('enough');
    expect(await waiting).toMatchObject({
      code: 'CANCELLED',
      message: 'The wait for digits@1 to be AVAILABLE was aborted',
      cause: 'enough',
    });
    expect([listeners(), clock.pending]).toEqual([0, 0]);
    publish(1, 'AVAILABLE');
    expect(await rejection(monitor.waitFor(digits(1), 'AVAILABLE', { signal }))).toMatchObject({
      code: 'CANCELLED',
    });
  });

  it('rejects when its time is over, not before', async () => {
    const { clock, monitor } = arrange();
    const { signal, listeners } = countingSignal();
    let isOver = false;
    const waiting = rejection(monitor.waitFor({ model: 'digits' }, 'AVAILABLE', { signal, timeoutMs: 5 }));
    void waiting.then(() => {
      isOver = true;
    });
    clock.advance(4);
    await Promise.resolve();
    expect(isOver).toBe(false);
    clock.advance(1);
    expect(await waiting).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'digits was not AVAILABLE within 5 ms',
    });
    expect([listeners(), clock.pending]).toEqual([0, 0]);
  });

  it('sets no timer for an infinite timeout, which would fire at some time', async () => {
    const { clock, monitor, publish } = arrange();
    const waiting = monitor.waitFor(digits(1), 'AVAILABLE', { timeoutMs: Number.POSITIVE_INFINITY });
    expect(clock.pending).toBe(0);
    publish(1, 'AVAILABLE');
    await waiting;
  });

  it.each([0, -1, Number.NaN, '5' as never])('refuses a timeout of %s', async (timeoutMs) => {
    const { monitor } = arrange();
    expect(await rejection(monitor.waitFor(digits(1), 'AVAILABLE', { timeoutMs }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      option: 'timeoutMs',
    });
  });
});
