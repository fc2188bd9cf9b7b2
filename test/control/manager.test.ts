import { describe, expect, it } from 'vitest';
import type { TransitionPolicy } from '#dist/control/transition-policy.js';
import { ServingError } from '#dist/core/errors.js';
import { arrangeManager as arrange } from '../support/manager.js';
import { allTurns } from '../support/turns.js';
import { collectUncaught } from '../support/uncaught.js';

/** Whether a promise has been resolved by all that can happen now. */
async function isResolved(promise: Promise<unknown>): Promise<boolean> {
  let resolved = false;
  void promise.then(() => {
    resolved = true;
  });
  await allTurns();
  return resolved;
}

const instantly = { isAutomatic: true } as const;

describe('ServableManager', () => {
  it('knows nothing of a model that nobody spoke of', () => {
    const { available, acquire, manager } = arrange();
    expect([available(), acquire(1), manager.reason('digits')]).toEqual([undefined, undefined, undefined]);
  });

  it('loads what is wanted, and lends it from then on', async () => {
    const { aspire, available, acquire, loader, manager } = arrange();
    aspire([2]);
    expect(loader.of(2)).toMatchObject({ id: { model: 'digits', version: 2 }, path: '/a/2' });
    expect([available(), acquire(2)]).toEqual([[], undefined]);
    loader.of(2).finish();
    await manager.settled();
    expect(available()).toEqual([2]);
    expect(acquire(2).servable).toBe(loader.of(2).servable);
  });

  it('lists what is available highest first, in a list that does not change afterwards', async () => {
    const { aspire, available, manager } = arrange(instantly);
    aspire([2, 10, 1]);
    await manager.settled();
    const before = available();
    aspire([10, 1]);
    expect(before).toEqual([10, 2, 1]);
    expect(available()).toEqual([10, 1]);
  });

  it('unloads what is left out', async () => {
    const { aspire, available, loader, manager, news } = arrange(instantly);
    aspire([1, 2]);
    await manager.settled();
    news();
    aspire([2]);
    await allTurns();
    expect(news()).toEqual(['1 DRAINING', '1 UNLOADING', '1 END']);
    expect(loader.of(1).servable.unloads).toBe(1);
    expect(available()).toEqual([2]);
  });

  it('does nothing when the same is wanted again', async () => {
    const { aspire, manager, news } = arrange(instantly);
    aspire([1]);
    await manager.settled();
    news();
    aspire([1]);
    await allTurns();
    expect(news()).toEqual([]);
  });

  it('keeps models apart', async () => {
    const { aspire, available, manager } = arrange(instantly);
    aspire([1]);
    manager.aspire('other', [{ version: 3, path: '/o/3' }]);
    await manager.settled();
    manager.aspire('other', []);
    await allTurns();
    expect([available(), manager.available('other')]).toEqual([[1], []]);
  });
});

describe('a version that is left out and wanted again', () => {
  it('is loaded anew when its cancelled load has ended', async () => {
    const { aspire, loader, manager, news } = arrange();
    aspire([1]);
    aspire([]);
    aspire([1]);
    expect(loader.loads).toHaveLength(1);
    await allTurns();
    expect(loader.loads).toHaveLength(2);
    loader.of(1).finish();
    await manager.settled();
    expect(news()).toEqual(['1 START', '1 LOADING', '1 END', '1 START', '1 LOADING', '1 AVAILABLE']);
  });

  it('is loaded anew when the load that could not be stopped has been undone', async () => {
    const { aspire, loader, available } = arrange({ ignoresAbort: true });
    aspire([1]);
    aspire([]);
    aspire([1]);
    const first = loader.of(1);
    first.finish();
    await allTurns();
    expect(first.servable.unloads).toBe(1);
    expect([loader.loads.length, available()]).toEqual([2, []]);
  });

  it('is loaded anew when it has drained', async () => {
    const { aspire, acquire, loader, manager, available } = arrange(instantly);
    aspire([1]);
    await manager.settled();
    const lease = acquire(1);
    aspire([]);
    aspire([1]);
    expect(await isResolved(manager.settled())).toBe(false);
    expect([loader.loads.length, available()]).toEqual([1, []]);
    lease.release();
    await manager.settled();
    expect([loader.loads.length, available()]).toEqual([2, [1]]);
  });

  it('is loaded anew when it has been unloaded', async () => {
    const { aspire, loader, manager, available, news } = arrange({ ...instantly, holdsUnload: true });
    aspire([1]);
    await manager.settled();
    aspire([]);
    aspire([1]);
    expect(news().at(-1)).toBe('1 UNLOADING');
    loader.of(1).servable.finishUnload();
    await manager.settled();
    expect([loader.loads.length, available()]).toEqual([2, [1]]);
  });

  it('is left alone where it is left out once more before it came back', async () => {
    const { aspire, acquire, loader, manager } = arrange(instantly);
    aspire([1]);
    await manager.settled();
    const lease = acquire(1);
    aspire([]);
    aspire([1]);
    aspire([]);
    lease.release();
    await allTurns();
    expect(loader.loads).toHaveLength(1);
  });

  it('keeps another one answering until it is back', async () => {
    const { aspire, acquire, manager, available, news } = arrange(instantly);
    aspire([1, 2]);
    await manager.settled();
    const lease = acquire(1);
    aspire([2]);
    news();
    aspire([1]);
    await allTurns();
    expect(available()).toEqual([2]);
    lease.release();
    await allTurns();
    expect(available()).toEqual([1]);
    expect(news().indexOf('1 AVAILABLE')).toBeGreaterThan(0);
  });
});

describe('a version that is wanted in another place', () => {
  it('is loaded from there beside the old one, which answers until then', async () => {
    const { aspire, loader, manager, news, available, acquire } = arrange({ holdsUnload: true });
    aspire([1]);
    const first = loader.of(1);
    first.finish();
    await manager.settled();
    news();
    const lease = acquire(1);
    aspire([1], '/b');
    await allTurns();
    expect([loader.of(1).path, available(), news()]).toEqual(['/b/1', [1], []]);
    loader.of(1).finish();
    await manager.settled();
    expect(news()).toEqual(['1 AVAILABLE']); // it was all the while: what became of the old one is nobody's business
    expect(acquire(1).servable).toBe(loader.of(1).servable);
    expect(first.servable.unloads).toBe(0);
    lease.release();
    await allTurns();
    expect(first.servable.unloads).toBe(1);
  });

  it('goes on answering from the old one where it cannot be loaded from there, and says so', async () => {
    const { aspire, loader, manager, monitor, available, failures } = arrange();
    aspire([1]);
    loader.of(1).finish();
    await manager.settled();
    aspire([1], '/b');
    loader.of(1).fail();
    await manager.settled();
    expect(available()).toEqual([1]);
    const warning =
      'digits@1 is served as it was, since what is to take its place cannot be loaded: Cannot load digits@1';
    expect(monitor.status('digits')).toMatchObject([{ state: 'AVAILABLE', warning: { message: warning } }]);
    expect(failures.map(({ error }) => error.message)).toEqual([warning]);
    aspire([1]); // back to where it is
    await manager.settled();
    expect(monitor.status('digits')[0]?.warning).toBeUndefined();
    expect(loader.loads).toHaveLength(2);
  });

  it('is unloaded first where memory counts more than availability', async () => {
    const { aspire, loader, manager, news } = arrange({ ...instantly, policy: 'resource-preserving' });
    aspire([1]);
    await manager.settled();
    news();
    aspire([1], '/b');
    await manager.settled();
    expect(loader.of(1).path).toBe('/b/1');
    expect(news().filter((line) => !line.includes('START'))).toEqual([
      '1 DRAINING',
      '1 UNLOADING',
      '1 END',
      '1 LOADING',
      '1 AVAILABLE',
    ]);
  });

  it('is loaded from there where it failed in the old one', async () => {
    const { aspire, loader, manager, available } = arrange();
    aspire([1]);
    loader.of(1).fail();
    await manager.settled();
    aspire([1], '/b');
    loader.of(1).finish();
    await manager.settled();
    expect([available(), manager.reason('digits')]).toEqual([[1], undefined]);
  });

  it('is not loaded from there any more where that is not wanted any more', async () => {
    const { aspire, loader, manager, available } = arrange();
    aspire([1]);
    loader.of(1).finish();
    await manager.settled();
    aspire([1], '/b');
    const toB = loader.of(1);
    aspire([1], '/c');
    expect([toB.outcome, loader.of(1).path, available()]).toEqual(['failed', '/c/1', [1]]);
    loader.of(1).finish();
    await manager.settled();
    aspire([]);
    await allTurns();
    expect([available(), loader.of(1).servable.unloads, toB.servable.unloads]).toEqual([[], 1, 0]);
  });
});

describe('a version that fails', () => {
  it('stays failed until it is left out and returns', async () => {
    const { aspire, loader, manager, failures } = arrange();
    aspire([1]);
    loader.of(1).fail();
    await manager.settled();
    expect(manager.reason('digits')).toMatchObject({ message: 'Cannot load digits@1' });
    aspire([1]);
    await allTurns();
    expect(loader.loads).toHaveLength(1);
    aspire([]);
    expect(manager.reason('digits')).toBeUndefined();
    aspire([1]);
    expect(loader.loads).toHaveLength(2);
    loader.of(1).fail();
    await manager.settled();
    expect(failures.map(({ id }) => id?.version)).toEqual([1, 1]);
  });

  it('leaves the old one in its place', async () => {
    const { aspire, loader, manager, available } = arrange();
    aspire([1]);
    loader.of(1).finish();
    await manager.settled();
    aspire([2]);
    loader.of(2).fail();
    await manager.settled();
    expect(available()).toEqual([1]);
  });

  it('is forgotten some time after nobody wants it any more', async () => {
    const { aspire, loader, manager, monitor, clock } = arrange();
    aspire([1]);
    loader.of(1).fail();
    await manager.settled();
    clock.advance(1e9);
    expect(monitor.status('digits')).toHaveLength(1);
    aspire([]);
    clock.advance(600_000);
    expect(monitor.status('digits')).toEqual([]);
  });

  it('is forgotten too where its unload fails when nobody wants it any more', async () => {
    const { aspire, loader, manager, monitor, clock, failures } = arrange({
      ...instantly,
      holdsUnload: true,
    });
    aspire([1]);
    await manager.settled();
    aspire([]);
    loader.of(1).servable.failUnload(new Error('stuck'));
    await allTurns();
    expect(failures).toMatchObject([{ id: { version: 1 }, error: { message: 'stuck' } }]);
    clock.advance(600_000);
    expect(monitor.status('digits')).toEqual([]);
  });

  it('gives the highest one’s error as the reason', async () => {
    const { aspire, loader, manager } = arrange();
    aspire([1, 2]);
    loader.of(2).fail();
    loader.of(1).fail();
    await manager.settled();
    expect(manager.reason('digits')).toMatchObject({ message: 'Cannot load digits@2' });
  });
});

describe('the order of states', () => {
  async function replace(policy: TransitionPolicy): Promise<readonly string[]> {
    const { aspire, manager, news } = arrange({ ...instantly, policy });
    aspire([1]);
    await manager.settled();
    news();
    aspire([2]);
    await manager.settled();
    await allTurns();
    return news();
  }

  it('loads before it unloads where availability is preserved', async () => {
    expect(await replace('availability-preserving')).toEqual([
      '2 START',
      '2 LOADING',
      '2 AVAILABLE',
      '1 DRAINING',
      '1 UNLOADING',
      '1 END',
    ]);
  });

  it('unloads before it loads where resources are preserved', async () => {
    expect(await replace('resource-preserving')).toEqual([
      '2 START',
      '1 DRAINING',
      '1 UNLOADING',
      '1 END',
      '2 LOADING',
      '2 AVAILABLE',
    ]);
  });

  it('waits for leases before it loads where resources are preserved', async () => {
    const { aspire, acquire, manager, loader } = arrange({ ...instantly, policy: 'resource-preserving' });
    aspire([1]);
    await manager.settled();
    const lease = acquire(1);
    aspire([2]);
    await allTurns();
    expect(loader.loads).toHaveLength(1);
    lease.release();
    await manager.settled();
    expect(loader.loads).toHaveLength(2);
  });
});

describe('what a source says', () => {
  const missing = new ServingError('NOT_FOUND', 'Could not find base path /a');

  it('makes a model known, and a failure is the reason why it has no version', () => {
    const { manager, available, failures } = arrange();
    manager.fail('digits', missing);
    expect([available(), manager.reason('digits')]).toEqual([[], missing]);
    expect(failures).toEqual([{ model: 'digits', error: missing }]);
  });

  it('is told once, until it changes', () => {
    const { manager, aspire, failures } = arrange(instantly);
    const again = () => manager.fail('digits', new ServingError('NOT_FOUND', missing.message));
    again();
    again();
    expect(failures).toHaveLength(1);
    manager.fail('digits', new ServingError('UNAVAILABLE', 'EIO'));
    again();
    expect(failures).toHaveLength(3);
    aspire([]);
    again();
    expect(failures).toHaveLength(4);
  });

  it('gives the newest of several reasons, and the older one when that is gone', async () => {
    const { manager, aspire, loader } = arrange();
    aspire([1]);
    loader.of(1).fail();
    await manager.settled();
    manager.fail('digits', missing);
    expect(manager.reason('digits')).toBe(missing);
    aspire([1, 2]);
    expect(manager.reason('digits')).toMatchObject({ message: 'Cannot load digits@1' });
    manager.fail('digits', missing);
    loader.of(2).fail();
    await manager.settled();
    expect(manager.reason('digits')).toMatchObject({ message: 'Cannot load digits@2' });
    manager.fail('digits', missing); // still the same: no news
    expect(manager.reason('digits')).toMatchObject({ message: 'Cannot load digits@2' });
  });

  it('does not touch what is served when it is a failure', async () => {
    const { manager, aspire, available } = arrange(instantly);
    aspire([1]);
    await manager.settled();
    manager.fail('digits', missing);
    await allTurns();
    expect(available()).toEqual([1]);
  });

  it('may be odd: the warning is told, once, and what is wanted is served', async () => {
    const { manager, available, failures } = arrange(instantly);
    const warning = new ServingError('NOT_FOUND', 'Version 2 is not there');
    const versions = [{ version: 1, path: '/a/1' }];
    manager.aspire('digits', versions, warning);
    manager.aspire('digits', versions, warning);
    await manager.settled();
    expect([available(), failures]).toEqual([[1], [{ model: 'digits', error: warning }]]);
  });
});

describe('ServableManager.settled', () => {
  it('resolves at once where nothing is wanted', async () => {
    await arrange().manager.settled();
  });

  it('resolves when the last version is there or has failed', async () => {
    const { aspire, loader, manager } = arrange();
    aspire([1, 2]);
    const settled = manager.settled();
    loader.of(1).finish();
    expect(await isResolved(settled)).toBe(false);
    loader.of(2).fail();
    expect(await isResolved(settled)).toBe(true);
  });

  it('resolves where what it waits for is no longer wanted', async () => {
    const { aspire, manager } = arrange({ ignoresAbort: true });
    aspire([1]);
    const settled = manager.settled();
    aspire([]);
    expect(await isResolved(settled)).toBe(true);
  });
});

describe('ServableManager.remove', () => {
  it('forgets the model when its leases are back and it is unloaded', async () => {
    const { aspire, acquire, available, loader, manager } = arrange(instantly);
    aspire([1]);
    await manager.settled();
    const lease = acquire(1);
    const removed = manager.remove('digits');
    expect(await isResolved(removed)).toBe(false);
    expect(available()).toEqual([]);
    lease.release();
    await removed;
    expect([available(), loader.of(1).servable.unloads]).toEqual([undefined, 1]);
  });

  it('has no effect on a model that is not known', async () => {
    await arrange().manager.remove('digits');
  });

  it('makes nobody wait for a model that is wanted again meanwhile', async () => {
    const { aspire, acquire, available, manager } = arrange(instantly);
    aspire([1]);
    await manager.settled();
    const lease = acquire(1);
    const removed = manager.remove('digits');
    aspire([2]);
    lease.release();
    await removed;
    await manager.settled();
    expect(available()).toEqual([2]);
  });

  it('does not forget a model that came back between two removals', async () => {
    const { aspire, available, manager } = arrange(instantly);
    aspire([1]);
    await manager.settled();
    const removals = [manager.remove('digits').then(() => aspire([2])), manager.remove('digits')];
    await Promise.all(removals);
    await manager.settled();
    expect(available()).toEqual([2]);
  });
});

describe('ServableManager.close', () => {
  it('unloads everything, cancels loads, and hears of nothing any more', async () => {
    const { aspire, available, loader, manager, heldAfterGrace, clock } = arrange();
    aspire([1, 2]);
    loader.of(1).finish();
    await allTurns();
    const { closed, held } = await heldAfterGrace(50);
    expect(available()).toEqual([]);
    aspire([1, 2, 3]);
    manager.fail('other', new ServingError('NOT_FOUND', 'No'));
    await closed;
    expect(loader.loads).toHaveLength(2);
    expect([loader.of(1).servable.unloads, loader.of(2).signal?.aborted]).toEqual([1, true]);
    expect([held, clock.pending, manager.available('other')]).toEqual([[], 0, undefined]);
  });

  it('waits for leases, names those that are out when the grace is over, and goes on waiting', async () => {
    const { aspire, acquire, manager, loader, clock, heldAfterGrace } = arrange(instantly);
    aspire([1, 2, 3]);
    await manager.settled();
    const leases = [acquire(1), acquire(3), acquire(3)];
    const { closed, held } = await heldAfterGrace(50);
    clock.advance(49);
    expect(held).toEqual([]);
    clock.advance(1);
    expect(held).toEqual([[1, 3]]);
    expect(await isResolved(closed)).toBe(false);
    for (const lease of leases) lease.release();
    await closed;
    expect(loader.loads.map(({ servable }) => servable.unloads)).toEqual([1, 1, 1]);
  });

  it.each([
    ['names nobody where all leases came back in time', 50, true, []],
    ['never loses patience where the grace is infinite', Number.POSITIVE_INFINITY, false, []],
    ['names those that are out as soon as it can where there is no grace', 0, false, [[1]]],
  ])('%s', async (_behaviour, graceMs, isBackInTime, expected) => {
    const { aspire, acquire, manager, clock, heldAfterGrace } = arrange(instantly);
    aspire([1]);
    await manager.settled();
    const lease = acquire(1);
    const { closed, held } = await heldAfterGrace(graceMs);
    if (isBackInTime) lease.release();
    await allTurns();
    clock.advance(1e9);
    expect(held).toEqual(expected);
    lease.release();
    await closed;
    expect(clock.pending).toBe(0);
  });

  it('is done once, also where who hears of it closes too', async () => {
    const { aspire, acquire, manager, monitor, clock } = arrange(instantly);
    aspire([1]);
    await manager.settled();
    const lease = acquire(1);
    let over = 0;
    const close = () => manager.close({ graceMs: 5, onGraceOver: () => over++ });
    const calls: Promise<void>[] = [];
    monitor.listen(() => calls.push(close()));
    const closed = close();
    clock.advance(5);
    lease.release();
    await closed;
    expect(over).toBe(1);
    expect(calls.every((call) => call === closed)).toBe(true);
  });
});

describe('a mistake of the host', () => {
  const mistake = new Error('a mistake of the host');
  const throwMistake = () => {
    throw mistake;
  };

  it('does not stop a model when it is in a listener', async () => {
    const { uncaught } = collectUncaught();
    const { aspire, available, manager, monitor } = arrange(instantly);
    monitor.listen(throwMistake);
    aspire([1]);
    await manager.settled();
    aspire([2]);
    await manager.settled();
    await allTurns();
    expect(available()).toEqual([2]);
    expect(await uncaught()).toContain(mistake);
  });

  it('does not stop a model when it is in onFailure', async () => {
    const { uncaught } = collectUncaught();
    const { aspire, available, loader, manager } = arrange({ onFailure: throwMistake });
    aspire([1, 2]);
    loader.of(2).fail();
    loader.of(1).finish();
    manager.fail('other', new ServingError('NOT_FOUND', 'No'));
    await manager.settled();
    expect(available()).toEqual([1]);
    expect(await uncaught()).toEqual([mistake, mistake]);
  });

  it('does not stop the end when it is in onGraceOver', async () => {
    const { uncaught } = collectUncaught();
    const { aspire, acquire, manager, clock } = arrange(instantly);
    aspire([1]);
    await manager.settled();
    const lease = acquire(1);
    const closed = manager.close({ graceMs: 1, onGraceOver: throwMistake });
    clock.advance(1);
    lease.release();
    await closed;
    expect(await uncaught()).toEqual([mistake]);
  });

  it('may want something else while it hears of a state', async () => {
    const { aspire, available, loader, manager, monitor } = arrange(instantly);
    const stop = monitor.listen(() => {
      stop();
      aspire([2]);
    });
    aspire([1]);
    await manager.settled();
    await allTurns();
    expect(available()).toEqual([2]);
    expect(loader.loads.filter(({ id, servable }) => id.version === 1 && servable.unloads === 0)).toEqual([]);
  });
});
