import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { ServingError } from '#dist/core/errors.js';
import { tensor } from '#dist/core/tensor.js';
import { OrtError } from '#dist/runner/ort/c-api.js';
import { ExecutionThreads } from '#dist/runner/threads/execution-threads.js';
import { openEngine, run } from '../../support/engine.js';
import * as authored from '../../support/onnx/authored-models.js';
import { rejection } from '../../support/rejection.js';

const entry = new URL('../../support/mortal-worker.mjs', import.meta.url);
const request = (file: string) => ({ request: { kind: 'open-session', file, options: {} } }) as const;

const opened: ExecutionThreads[] = [];
/** Threads that die when they are told to, and how many there have been. */
function mortals(size: number, diesAtStart: () => boolean = () => false) {
  let spawned = 0;
  const spawn = () => {
    spawned++;
    return new Worker(entry, {
      workerData: { diesAtStart: diesAtStart() },
      resourceLimits: { maxOldGenerationSizeMb: 16 },
      stderr: true,
    });
  };
  const threads = new ExecutionThreads({ name: 'test thread', size, spawn });
  opened.push(threads);
  threads.start();
  return { threads, spawned: () => spawned };
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((threads) => threads.close()));
});

describe('a thread that dies', () => {
  it.each([
    ['exits', 'exit', 'exit code 7'],
    ['throws', 'throw', 'a bug in the thread'],
    ['runs out of heap', 'exhaust', 'memory limit'],
  ])('because it %s fails its own request and is replaced', async (_, file, reason) => {
    const { threads, spawned } = mortals(1);
    const doomed = threads.submit(request(file));
    const waiting = threads.submit(request('good'));
    expect(await rejection(doomed)).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      message: expect.stringMatching(new RegExp(`^The test thread died: .*${reason}`)),
    });
    expect(await waiting).toEqual({ kind: 'done' });
    expect(spawned()).toBe(2);
  });

  it('leaves the others alone', async () => {
    const { threads } = mortals(3);
    const deaths = Array.from({ length: 5 }, () => rejection(threads.submit(request('exit'))));
    const good = Array.from({ length: 20 }, () => threads.submit(request('good')));
    expect(await Promise.all(good)).toEqual(Array(20).fill({ kind: 'done' }));
    for (const error of await Promise.all(deaths)) expect(error.code).toBe('UNAVAILABLE');
  });

  it('at its start is tried three times in a row, and again for the next request', async () => {
    let isSick = true;
    const { threads, spawned } = mortals(1, () => isSick);
    expect(await rejection(threads.submit(request('good')))).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'The test thread cannot start: exit code 3',
    });
    expect(spawned()).toBe(3);
    isSick = false;
    expect(await threads.submit(request('good'))).toEqual({ kind: 'done' });
  });
});

describe('ExecutionThreads', () => {
  it('rejects what cannot be sent, and the thread works on', async () => {
    const { threads } = mortals(1);
    await threads.submit(request('good'));
    const unsendable = { kind: 'open-session', file: 'good', options: { f: () => {} } as object } as const;
    await expect(threads.submit({ request: unsendable })).rejects.toThrow(/could not be cloned/);
    expect(await threads.submit(request('good'))).toEqual({ kind: 'done' });
  });

  it('starts threads as they are needed, one after the other, up to its size', async () => {
    const { threads, spawned } = mortals(3);
    await threads.submit(request('good'));
    expect(spawned()).toBe(1);
    while (spawned() < 3)
      await Promise.all(Array.from({ length: 50 }, () => threads.submit(request('good'))));
    await Promise.all(Array.from({ length: 50 }, () => threads.submit(request('good'))));
    expect(spawned()).toBe(3);
  });

  it('withdraws a request that waits, and not one that a thread has', async () => {
    const { threads } = mortals(1);
    await threads.submit(request('good'));
    const running = request('good');
    const waiting = request('good');
    const [answer, error] = [threads.submit(running), rejection(threads.submit(waiting))];
    expect(threads.withdraw(waiting.request, new ServingError('CANCELLED', 'no longer'))).toBe(true);
    expect(threads.withdraw(running.request, new ServingError('CANCELLED', 'no longer'))).toBe(false);
    expect(await error).toMatchObject({ code: 'CANCELLED' });
    expect(await answer).toEqual({ kind: 'done' });
  });

  it('fails what waits when it is closed, finishes what runs, and takes no more', async () => {
    const { threads } = mortals(1);
    await threads.submit(request('good'));
    const running = threads.submit(request('good'));
    const waiting = rejection(threads.submit(request('good')));
    await threads.close();
    expect(await running).toEqual({ kind: 'done' });
    expect(await waiting).toMatchObject({ code: 'UNAVAILABLE', message: 'The test thread is closed' });
    expect(await rejection(threads.submit(request('good')))).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('leaves sessions as they are when a thread dies that ran them, at rest or in the middle of a run', async () => {
    const workers: Worker[] = [];
    const remember = (worker: Worker) => workers.push(worker);
    process.on('worker', remember);
    const bench = openEngine({ inlineRuns: 'off', numBatchThreads: 1 });
    try {
      const servable = await bench.load(authored.spin());
      const spins = (n: number) => ({
        x: tensor('float32', [1, 256], new Float32Array(256)),
        n: tensor('int64', [], [n]),
      });
      await run(servable, spins(1));
      await workers.at(-1)?.terminate();
      expect(await run(servable, spins(1))).toHaveProperty('y');
      const doomed = rejection(run(servable, spins(500)));
      setImmediate(() => workers.at(-1)?.terminate());
      expect(await doomed).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
      expect(await run(servable, spins(1))).toHaveProperty('y');
    } finally {
      await bench.close();
      process.off('worker', remember);
    }
  });

  it('hands on errors as the thread threw them', async () => {
    const bench = openEngine({ inlineRuns: 'off' });
    try {
      const missing = bench.engine.openSession('/nowhere/model.onnx', {});
      await expect(missing).rejects.toThrow(OrtError);
      // The session survives whatever its threads went through.
      const servable = await bench.load(authored.linear());
      expect(await run(servable, { x: tensor('float32', [1], [2]) })).toHaveProperty('y');
    } finally {
      await bench.close();
    }
  });
});
