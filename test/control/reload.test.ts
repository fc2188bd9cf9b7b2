import { describe, expect, it } from 'vitest';
import { ServingError } from '#dist/core/errors.js';
import { arrangeManager } from '../support/manager.js';
import { allTurns } from '../support/turns.js';

const unavailable = new ServingError('UNAVAILABLE', 'The load thread died');
const lasting = new ServingError('DATA_LOSS', 'Cannot load digits@1: it is no model');
const retry = { maxNumLoadRetries: 2, loadRetryIntervalMicros: 60_000_000 };

describe('a load that fails for a reason that may pass', () => {
  it('is tried again after the interval, and says so meanwhile', async () => {
    const { aspire, loader, manager, monitor, clock, failures, available } = arrangeManager({
      options: { retry },
    });
    aspire([1]);
    loader.of(1).fail(unavailable);
    await manager.settled(); // whoever waits for the start does not wait for this one
    expect(monitor.status('digits')).toEqual([
      {
        id: { model: 'digits', version: 1 },
        state: 'LOADING',
        retry: { failures: 1, error: unavailable, nextAttemptMs: 60_000 },
      },
    ]);
    expect([manager.reason('digits'), failures.length]).toEqual([unavailable, 1]);
    clock.advance(59_999);
    await allTurns();
    expect(loader.loads).toHaveLength(1);
    clock.advance(1);
    await allTurns();
    expect(loader.loads).toHaveLength(2);
    loader.of(1).finish();
    await allTurns();
    expect(available()).toEqual([1]);
    expect(monitor.status('digits')).toEqual([{ id: { model: 'digits', version: 1 }, state: 'AVAILABLE' }]);
  });

  it('ends with the last error after 1 + maxNumLoadRetries attempts', async () => {
    const { aspire, loader, clock, news, monitor } = arrangeManager({ options: { retry } });
    aspire([1]);
    for (let attempt = 1; attempt <= 3; attempt++) {
      loader.of(1).fail(new ServingError('UNAVAILABLE', `attempt ${attempt}`));
      await allTurns();
      clock.advance(60_000);
      await allTurns();
    }
    expect(loader.loads).toHaveLength(3);
    expect(news().at(-1)).toBe('1 END failed');
    expect(monitor.status('digits')[0]?.error?.message).toBe('attempt 3');
    expect(clock.pending).toBe(0);
  });

  it('is not tried again unless that is asked for', async () => {
    const { aspire, loader, clock, news } = arrangeManager();
    aspire([1]);
    loader.of(1).fail(unavailable);
    await allTurns();
    expect([news().at(-1), loader.loads.length, clock.pending]).toEqual(['1 END failed', 1, 0]);
  });

  it('is not tried again where it is no longer wanted, and ends at once', async () => {
    const { aspire, loader, clock, news } = arrangeManager({ options: { retry } });
    aspire([1]);
    loader.of(1).fail(unavailable);
    await allTurns();
    aspire([]);
    await allTurns();
    expect([news().at(-1), clock.pending, loader.loads.length]).toEqual(['1 END', 0, 1]);
  });

  it('is tried again at once when its files change', async () => {
    const { aspire, loader, available } = arrangeManager({ options: { retry } });
    aspire([1], '/a', 'half');
    loader.of(1).fail(unavailable);
    await allTurns();
    aspire([1], '/a', 'half');
    await allTurns();
    expect(loader.loads).toHaveLength(1);
    aspire([1], '/a', 'whole');
    await allTurns();
    loader.of(1).finish();
    await allTurns();
    expect([loader.loads.length, available()]).toEqual([2, [1]]);
  });

  it('does not keep the loads of others from their turn', async () => {
    const { aspire, loader, available } = arrangeManager({ options: { retry, maxConcurrentLoads: 1 } });
    aspire([2, 1]);
    expect(loader.loads).toHaveLength(1);
    loader.of(2).fail(unavailable);
    await allTurns();
    loader.of(1).finish();
    await allTurns();
    expect(available()).toEqual([1]);
  });
});

describe('a load that fails because of its files', () => {
  it('ends at once, and is tried again when they change', async () => {
    const { aspire, loader, available, news, monitor } = arrangeManager();
    aspire([1], '/a', 'half');
    loader.of(1).fail(lasting);
    await allTurns();
    expect(news().at(-1)).toBe('1 END failed');
    aspire([1], '/a', 'half');
    await allTurns();
    expect(loader.loads).toHaveLength(1);
    aspire([1], '/a', 'whole');
    await allTurns();
    loader.of(1).finish();
    await allTurns();
    expect([available(), monitor.status('digits')[0]?.error]).toEqual([[1], undefined]);
  });

  it('is tried again at once where they changed while it was loaded', async () => {
    const { aspire, loader, available } = arrangeManager();
    aspire([1], '/a', 'half');
    aspire([1], '/a', 'whole');
    loader.of(1).fail(lasting);
    await allTurns();
    loader.of(1).finish();
    await allTurns();
    expect([loader.loads.length, available()]).toEqual([2, [1]]);
  });
});

describe('a served version whose files are replaced', () => {
  it('goes on being served, is said to be outdated, and is replaced when nobody writes any more', async () => {
    const { aspire, loader, available, monitor, failures, acquire } = arrangeManager();
    aspire([1], '/a', 'old');
    loader.of(1).finish();
    await allTurns();
    aspire([1], '/a', 'being written');
    aspire([1], '/a', 'new');
    await allTurns();
    const warning = 'digits@1 is served as it was loaded: its files have changed since';
    expect([loader.loads.length, monitor.status('digits')[0]?.warning?.message]).toEqual([1, warning]);
    aspire([1], '/a', 'new');
    await allTurns();
    expect([loader.loads.length, available()]).toEqual([2, [1]]);
    loader.of(1).finish();
    await allTurns();
    expect(monitor.status('digits')).toEqual([{ id: { model: 'digits', version: 1 }, state: 'AVAILABLE' }]);
    expect(acquire(1).servable).toBe(loader.of(1).servable);
    expect(loader.loads[0]?.servable.unloads).toBe(1);
    expect(failures.map(({ error }) => error.message)).toEqual([warning]);
  });

  it('goes on being served where the new ones cannot be loaded, until they can', async () => {
    const { aspire, loader, available, monitor } = arrangeManager();
    const look = async (revision: string) => {
      aspire([1], '/a', revision);
      aspire([1], '/a', revision);
      await allTurns();
    };
    await look('old');
    loader.of(1).finish();
    await allTurns();
    await look('broken');
    loader.of(1).fail(lasting);
    await allTurns();
    await look('broken');
    expect([available(), loader.loads.length]).toEqual([[1], 2]);
    expect(monitor.status('digits')[0]?.warning).toMatchObject({ code: 'DATA_LOSS', cause: lasting });
    await look('mended');
    loader.of(1).finish();
    await allTurns();
    expect([available(), loader.loads.length, monitor.status('digits')[0]?.warning]).toEqual([
      [1],
      3,
      undefined,
    ]);
  });

  it('is no longer said to be outdated when the old files are back', async () => {
    const { aspire, loader, monitor } = arrangeManager();
    aspire([1], '/a', 'old');
    loader.of(1).finish();
    await allTurns();
    aspire([1], '/a', 'other');
    aspire([1], '/a', 'old');
    await allTurns();
    expect([monitor.status('digits')[0]?.warning, loader.loads.length]).toEqual([undefined, 1]);
  });

  it('is only said to be outdated where there is no room for two', async () => {
    const { aspire, loader, monitor, available } = arrangeManager({ policy: 'resource-preserving' });
    aspire([1], '/a', 'old');
    loader.of(1).finish();
    await allTurns();
    for (let look = 0; look < 3; look++) aspire([1], '/a', 'new');
    await allTurns();
    expect([available(), loader.loads.length]).toEqual([[1], 1]);
    expect(monitor.status('digits')[0]?.warning?.message).toContain('its files have changed');
  });
});

describe('a memory budget', () => {
  const estimates = { '/a/1': 60, '/a/2': 60, '/a/3': 30 };

  it('refuses a load that does not fit before it begins, and takes it up when there is room', async () => {
    const { aspire, loader, available, monitor, manager } = arrangeManager({
      estimates,
      isAutomatic: true,
      options: { memoryBudgetBytes: 100, retry },
    });
    aspire([1]);
    await manager.settled();
    expect(manager.memoryBytes).toBe(60);
    aspire([1, 2, 3]);
    await manager.settled();
    expect([available(), loader.loads.map(({ id }) => id.version), manager.memoryBytes]).toEqual([
      [3, 1],
      [1, 3],
      90,
    ]);
    expect(monitor.status('digits').find(({ id }) => id.version === 2)?.retry?.error).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message:
        'Insufficient resources to load servable {name: digits version: 2}: it needs some 60 bytes, and 10 of memoryBudgetBytes 100 are free',
    });
    aspire([2, 3]);
    await allTurns();
    expect([available(), manager.memoryBytes]).toEqual([[3, 2], 90]);
  });

  it('is used by what was measured, as soon as that is known', async () => {
    const { aspire, available, manager } = arrangeManager({
      estimates,
      isAutomatic: true,
      memoryBytes: 20,
      options: { memoryBudgetBytes: 100, retry },
    });
    aspire([1]);
    await manager.settled();
    aspire([1, 2]);
    await manager.settled();
    expect([available(), manager.memoryBytes]).toEqual([[2, 1], 40]);
    aspire([]);
    await allTurns();
    expect(manager.memoryBytes).toBe(0);
  });

  it('makes room first where resources count more than availability', async () => {
    const { aspire, available, manager, news } = arrangeManager({
      estimates,
      isAutomatic: true,
      policy: 'resource-preserving',
      options: { memoryBudgetBytes: 100, retry },
    });
    aspire([1]);
    await manager.settled();
    aspire([2]);
    await manager.settled();
    expect(available()).toEqual([2]);
    expect(news().filter((line) => line.includes('failed'))).toEqual([]);
  });

  it('keeps the old version where there is no room for the new one beside it', async () => {
    const { aspire, available, manager } = arrangeManager({
      estimates,
      isAutomatic: true,
      options: { memoryBudgetBytes: 100, retry },
    });
    aspire([1]);
    await manager.settled();
    aspire([2]);
    await manager.settled();
    expect(available()).toEqual([1]);
    expect(manager.reason('digits')).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  });

  it('is given back by a load that fails', async () => {
    const { aspire, loader, manager } = arrangeManager({ estimates, options: { memoryBudgetBytes: 100 } });
    aspire([1]);
    await allTurns();
    expect(manager.memoryBytes).toBe(60);
    loader.of(1).fail(lasting);
    await allTurns();
    expect(manager.memoryBytes).toBe(0);
  });
});

describe('a version that is to go while requests hold it', () => {
  it('waits for them until its time is over, then fails them', async () => {
    const { aspire, loader, manager, clock, acquire, news } = arrangeManager({
      isAutomatic: true,
      options: { unloadGraceMs: 5000 },
    });
    aspire([1]);
    await manager.settled();
    const lease = acquire(1);
    aspire([2]);
    await allTurns();
    clock.advance(4999);
    const { servable } = loader.loads[0] as (typeof loader.loads)[number];
    expect(servable.abandoned).toEqual([]);
    clock.advance(1);
    expect(servable.abandoned).toMatchObject([
      {
        code: 'UNAVAILABLE',
        message: 'digits@1 was unloaded before the request was answered: it did not end within 5000 ms',
      },
    ]);
    lease.release();
    await allTurns();
    expect([news().at(-1), clock.pending]).toEqual(['1 END', 0]);
  });

  it('gives its memory back in its turn, where unloads are bounded', async () => {
    const unloading: number[] = [];
    const { aspire, loader, manager, news } = arrangeManager({
      isAutomatic: true,
      holdsUnload: true,
      onUnload: ({ id }) => void unloading.push(id.version),
      options: { maxConcurrentUnloads: 1 },
    });
    aspire([1, 2]);
    await manager.settled();
    aspire([]);
    await allTurns();
    expect(unloading).toEqual([1]);
    loader.of(1).servable.finishUnload();
    await allTurns();
    expect([unloading, news().includes('1 END')]).toEqual([[1, 2], true]);
    loader.of(2).servable.finishUnload();
  });

  it('does not keep another one from loading and unloading', async () => {
    const { aspire, manager, available, acquire } = arrangeManager({
      isAutomatic: true,
      options: { maxConcurrentLoads: 1, maxConcurrentUnloads: 1 },
    });
    aspire([1]);
    await manager.settled();
    acquire(1);
    aspire([2]);
    await allTurns();
    aspire([3]);
    await allTurns();
    expect(available()).toEqual([3]);
    void manager.close({ graceMs: 0 });
  });
});
