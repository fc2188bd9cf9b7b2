import { execFileSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import { ThreadTimer } from '#dist/batching/deadline/thread-timer.js';
import { allTurns } from '../../support/turns.js';

const entry = new URL('../../../dist/batching/deadline/timer-thread.js', import.meta.url);

/** A timer, and the moments at which it called. */
function open(spawn?: (memory: SharedArrayBuffer) => Worker) {
  const calls: number[] = [];
  const waiting: (() => void)[] = [];
  const onDue = () => {
    calls.push(performance.now());
    waiting.splice(0).forEach((resolve) => {
      resolve();
    });
  };
  const timer = spawn === undefined ? new ThreadTimer(onDue) : new ThreadTimer(onDue, spawn);
  onTestFinished(() => timer.close());
  const called = () => new Promise<void>((resolve) => waiting.push(resolve));
  return { timer, calls, called };
}

/** A timer whose thread is there: what it does is no longer the fallback's work. */
async function openReady() {
  let worker: Worker | undefined;
  const bench = open((memory) => {
    worker = new Worker(entry, { workerData: memory });
    return worker;
  });
  const fallback = bench.called();
  bench.timer.set(performance.now() + 1);
  await Promise.all([fallback, new Promise((resolve) => worker?.once('message', resolve))]);
  bench.calls.length = 0;
  return bench;
}

it.each([0, 0.1, 1, 5])('calls once for a moment %d ms away, not much too early', async (delayMs) => {
  const { timer, calls, called } = await openReady();
  const deadlineMs = performance.now() + delayMs;
  timer.set(deadlineMs);
  expect(calls).toEqual([]);
  await called();
  await allTurns();
  expect(calls.length).toBe(1);
  expect(calls[0]).toBeGreaterThan(deadlineMs - 0.03);
});

it('calls for a moment that has passed, but not at once', async () => {
  const { timer, calls, called } = await openReady();
  timer.set(performance.now() - 100);
  expect(calls).toEqual([]);
  await called();
});

it('does not call for a moment that was cleared, or replaced', async () => {
  const { timer, calls, called } = await openReady();
  timer.set(performance.now() + 1);
  timer.clear();
  const later = performance.now() + 20;
  timer.set(performance.now() + 2);
  timer.set(later);
  await called();
  expect(calls.length).toBe(1);
  expect(calls[0]).toBeGreaterThan(later - 0.03);
});

it('calls for an earlier moment that takes the place of a later one', async () => {
  const { timer, called } = await openReady();
  timer.set(performance.now() + 1e7);
  await allTurns();
  timer.set(performance.now() + 1);
  await called();
});

it('may be set again by whom it calls', async () => {
  const moments: number[] = [];
  await new Promise<void>((resolve) => {
    const timer: ThreadTimer = new ThreadTimer(() => {
      moments.push(performance.now());
      if (moments.length === 20) resolve();
      else timer.set(performance.now() + 0.2);
    });
    onTestFinished(() => timer.close());
    timer.set(performance.now() + 0.2);
  });
  expect(moments.length).toBe(20);
});

it('forgets no moment among many that are set, replaced and cleared', async () => {
  const { timer, called } = await openReady();
  for (let round = 0; round < 300; round++) {
    timer.set(performance.now() + (round % 7) / 10);
    if (round % 3 === 0) timer.clear();
    if (round % 5 === 0) await allTurns();
    const next = called();
    timer.set(performance.now() + (round % 4) / 20);
    await next;
  }
});

it('takes a moment that no timer reaches', async () => {
  const { timer, calls } = await openReady();
  timer.set(Number.MAX_VALUE);
  await allTurns();
  expect(calls).toEqual([]);
});

it('calls nobody after it was closed, and may be closed while a moment is set, or twice', async () => {
  const { timer, calls } = await openReady();
  timer.set(performance.now() + 1);
  await Promise.all([timer.close(), timer.close()]);
  timer.set(performance.now());
  await allTurns();
  expect(calls).toEqual([]);
});

it('loses no moment when its thread dies, nor any later one', async () => {
  let worker: Worker | undefined;
  const { timer, called } = open((memory) => {
    worker = new Worker(entry, { workerData: memory });
    return worker;
  });
  const first = called();
  timer.set(performance.now() + 50);
  await new Promise((resolve) => worker?.once('message', resolve));
  await worker?.terminate();
  await first;
  const second = called();
  timer.set(performance.now() + 1);
  await second;
});

it('does its work where the system has no thread to give', async () => {
  const { timer, called } = open(() => {
    throw new Error('Out of threads');
  });
  const first = called();
  timer.set(performance.now() + 1);
  await first;
});

it.each([
  ['a moment is set: until then', 'timer.set(performance.now() + 200)', 'called\n'],
  ['its moment was cleared: it ends', 'timer.set(performance.now() + 1e6); timer.clear()', ''],
  ['its thread waits for nothing: it ends', 'timer.set(performance.now() + 1)', 'called\n'],
  ['it is told to exit while the thread waits', 'timer.set(1e9); setTimeout(() => process.exit(), 100)', ''],
])('keeps the process alive while it has to: %s', (_, action, output) => {
  const program = `
    import { ThreadTimer } from '#dist/batching/deadline/thread-timer.js';
    const timer = new ThreadTimer(() => console.log('called'));
    ${action};`;
  const args = ['--input-type=module', '-e', program];
  expect(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })).toBe(output);
});
