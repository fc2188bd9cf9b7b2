import { describe, expect, it } from 'vitest';
import { ServableHarness } from '#dist/control/servable-harness.js';
import type { ServableState, ServableStatus } from '#dist/control/servable-state.js';
import type { Loader } from '#dist/core/servable.js';
import { FakeLoader, type FakeLoaderOptions } from '../support/fake-loader.js';
import { harnessContext } from '../support/harness-context.js';
import { rejection } from '../support/rejection.js';
import { allTurns } from '../support/turns.js';

const id = { model: 'digits', version: 7 };

function arrange(options: FakeLoaderOptions = {}) {
  const loader = new FakeLoader(options);
  const told: ServableStatus[] = [];
  const harness = new ServableHarness(
    id,
    { version: 7, path: '/models/digits/7' },
    harnessContext(loader),
    (status) => told.push(status),
  );
  const states = () => told.map(({ state }) => state);
  return { loader, harness, told, states };
}

/** Brings a harness into a state, by the shortest way. */
async function arrangeIn(state: ServableState) {
  const arranged = arrange({ holdsUnload: true });
  const { harness, loader } = arranged;
  const order: readonly ServableState[] = ['LOADING', 'AVAILABLE', 'DRAINING', 'UNLOADING', 'END'];
  const steps = [
    () => void harness.load(),
    () => loader.of(7).finish(),
    () => {
      const lease = harness.acquire();
      void harness.leave();
      order.indexOf(state) > order.indexOf('DRAINING') && lease?.release();
    },
    () => {},
    () => loader.of(7).servable.finishUnload(),
  ];
  for (const step of steps.slice(0, order.indexOf(state) + 1)) {
    step();
    await allTurns();
  }
  expect(harness.state).toBe(state);
  return arranged;
}

describe('ServableHarness', () => {
  it('tells its first state when it is made', () => {
    expect(arrange().told).toEqual([{ id, state: 'START' }]);
  });

  it('goes from START to END through all states, and tells each', async () => {
    const { harness, loader, states } = arrange();
    const loaded = harness.load();
    expect(loader.of(7)).toMatchObject({ id, path: '/models/digits/7' });
    loader.of(7).finish();
    await loaded;
    expect(harness.state).toBe('AVAILABLE');
    await harness.leave();
    expect(states()).toEqual(['START', 'LOADING', 'AVAILABLE', 'DRAINING', 'UNLOADING', 'END']);
    expect(loader.of(7).servable.unloads).toBe(1);
  });

  it.each<ServableState>(['LOADING', 'AVAILABLE', 'DRAINING', 'UNLOADING', 'END'])(
    'refuses to load while it is %s',
    async (state) => {
      const { harness, loader } = await arrangeIn(state);
      expect(await rejection(harness.load())).toMatchObject({
        code: 'INTERNAL',
        id,
        message: `digits@7 cannot go from ${state} to LOADING`,
      });
      expect(harness.state).toBe(state);
      expect(loader.loads).toHaveLength(1);
    },
  );

  it.each<ServableState>(['DRAINING', 'UNLOADING', 'END'])(
    'leaves once: not again when %s',
    async (state) => {
      const { harness, states, loader } = await arrangeIn(state);
      const before = states();
      await harness.leave();
      await allTurns();
      expect(states()).toEqual(before);
      expect(loader.of(7).servable.unloads).toBe(state === 'DRAINING' ? 0 : 1);
    },
  );

  it.each<ServableState>(['START', 'LOADING', 'DRAINING', 'UNLOADING', 'END'])(
    'gives no lease while it is %s',
    async (state) => {
      const { harness } = await arrangeIn(state);
      expect(harness.acquire()).toBeUndefined();
    },
  );

  it('ends with the error of a load that fails', async () => {
    const { harness, loader, told } = arrange();
    const loaded = harness.load();
    loader.of(7).fail();
    await loaded;
    expect(told.at(-1)).toMatchObject({ state: 'END', error: { code: 'INVALID_ARGUMENT' } });
    expect(harness.isLeaving).toBe(false);
  });

  it('ends with the error of a loader that throws instead of rejecting', async () => {
    const cause = new TypeError('no such thing');
    const loader: Loader = {
      load() {
        throw cause;
      },
    };
    const told: ServableStatus[] = [];
    const tell = (status: ServableStatus) => void told.push(status);
    await new ServableHarness(id, { version: 7, path: '/7' }, harnessContext(loader), tell).load();
    expect(told.at(-1)).toMatchObject({ state: 'END', error: { code: 'INTERNAL', cause } });
  });

  it('ends without a load where it leaves before it', async () => {
    const { harness, loader, states } = arrange();
    await harness.leave();
    expect(states()).toEqual(['START', 'END']);
    expect(await rejection(harness.load())).toMatchObject({ code: 'INTERNAL' });
    expect(loader.loads).toEqual([]);
  });

  it('cancels a load, which is no failure', async () => {
    const { harness, loader, told } = arrange();
    const loaded = harness.load();
    void harness.leave();
    expect([harness.state, harness.isLeaving]).toEqual(['LOADING', true]);
    expect(loader.of(7).signal?.reason).toMatchObject({ code: 'CANCELLED' });
    await loaded;
    expect(told.at(-1)).toEqual({ id, state: 'END' });
  });

  it('unloads again what a cancelled load has brought after all', async () => {
    const { harness, loader, states } = arrange({ ignoresAbort: true, holdsUnload: true });
    const loaded = harness.load();
    await harness.leave();
    loader.of(7).finish();
    await allTurns();
    expect(loader.of(7).servable.unloads).toBe(1);
    expect(harness.state).toBe('LOADING');
    loader.of(7).servable.finishUnload();
    await loaded;
    expect(states()).toEqual(['START', 'LOADING', 'END']);
  });

  it('drains before unloading when leases are held, until the last one is back', async () => {
    const { harness, loader, states } = await arrangeIn('AVAILABLE');
    const leases = [harness.acquire(), harness.acquire()];
    expect(leases[0]?.servable).toBe(loader.of(7).servable);
    void harness.leave();
    leases[0]?.release();
    await allTurns();
    expect([harness.state, harness.leases]).toEqual(['DRAINING', 1]);
    expect(loader.of(7).servable.unloads).toBe(0);
    leases[1]?.release();
    await allTurns();
    expect(states().at(-1)).toBe('UNLOADING');
    expect(loader.of(7).servable.unloads).toBe(1);
  });

  it('counts a lease that is released twice once', async () => {
    const { harness, loader } = await arrangeIn('AVAILABLE');
    const [first, second] = [harness.acquire(), harness.acquire()];
    first?.release();
    first?.release();
    expect(harness.leases).toBe(1);
    void harness.leave();
    first?.release();
    await allTurns();
    expect(loader.of(7).servable.unloads).toBe(0);
    second?.release();
    await allTurns();
    expect(loader.of(7).servable.unloads).toBe(1);
  });

  it('unloads once where who hears that it drains gives the last lease back', async () => {
    const loader = new FakeLoader({ isAutomatic: true });
    const states: ServableState[] = [];
    const harness = new ServableHarness(
      id,
      { version: 7, path: '/7' },
      harnessContext(loader),
      ({ state }) => {
        states.push(state);
        if (state === 'DRAINING') lease?.release();
      },
    );
    await harness.load();
    const lease = harness.acquire();
    await harness.leave();
    expect(states.slice(-3)).toEqual(['DRAINING', 'UNLOADING', 'END']);
    expect(loader.of(7).servable.unloads).toBe(1);
  });

  it('ends all the same, with the error, where a servable cannot be unloaded', async () => {
    const { harness, loader, told } = await arrangeIn('AVAILABLE');
    const left = harness.leave();
    const cause = new Error('stuck');
    loader.of(7).servable.failUnload(cause);
    await left;
    expect(told.at(-1)).toMatchObject({ state: 'END', error: { code: 'INTERNAL', cause } });
  });

  it('ends with the error where what came too late cannot be unloaded', async () => {
    const { harness, loader, told } = arrange({ ignoresAbort: true, holdsUnload: true });
    const loaded = harness.load();
    await harness.leave();
    loader.of(7).finish();
    loader.of(7).servable.failUnload(new Error('stuck'));
    await loaded;
    expect(told.at(-1)).toMatchObject({ state: 'END', error: { message: 'stuck' } });
  });
});
