import { describe, expect, it } from 'vitest';
import { ModelVersions } from '#dist/control/model-versions.js';
import type { TransitionPolicy } from '#dist/control/transition-policy.js';
import { FakeLoader, type FakeLoaderOptions } from '../support/fake-loader.js';
import { harnessContext } from '../support/harness-context.js';
import { allTurns } from '../support/turns.js';

function arrange(transitionPolicy: TransitionPolicy, options: FakeLoaderOptions = {}) {
  const loader = new FakeLoader(options);
  const told: string[] = [];
  const versions = new ModelVersions({
    model: 'digits',
    context: harnessContext(loader),
    transitionPolicy: () => transitionPolicy,
    onChange: () => {},
    onStatus: ({ id, state }) => told.push(`${id.version} ${state} of ${versions.available.join()}`),
  });
  const aspire = (...wanted: number[]) =>
    versions.aspire(wanted.map((version) => ({ version, path: `/${version}` })));
  return { loader, told, versions, aspire };
}

describe('ModelVersions', () => {
  it('begins all loads at once, the highest version first', () => {
    const { aspire, loader } = arrange('availability-preserving');
    aspire(1, 3, 2);
    expect(loader.loads.map(({ id }) => id.version)).toEqual([3, 2, 1]);
  });

  it('tells a state when its list of what is available is up to date', async () => {
    const { aspire, told } = arrange('availability-preserving', { isAutomatic: true });
    aspire(1);
    await allTurns();
    aspire(2);
    await allTurns();
    expect(told).toEqual([
      '1 START of ',
      '1 LOADING of ',
      '1 AVAILABLE of 1',
      '2 START of 1',
      '2 LOADING of 1',
      '2 AVAILABLE of 2,1',
      '1 DRAINING of 2',
      '1 UNLOADING of 2',
      '1 END of 2',
    ]);
  });

  it('is settled when all that is wanted is there or has failed, whatever is still leaving', async () => {
    const { aspire, loader, versions } = arrange('availability-preserving');
    expect(versions.isSettled).toBe(true);
    aspire(1, 2);
    loader.of(1).finish();
    await allTurns();
    expect(versions.isSettled).toBe(false);
    loader.of(2).fail();
    await allTurns();
    expect(versions.isSettled).toBe(true);
    const lease = versions.acquire(1);
    aspire();
    expect([versions.isSettled, versions.isGone, versions.held.map(({ id }) => id.version)]).toEqual([
      true,
      false,
      [1],
    ]);
    lease?.release();
    await allTurns();
    expect([versions.isGone, versions.held]).toEqual([true, []]);
  });

  it('loads what waited for room when the last one that had to go has gone', async () => {
    const { aspire, loader } = arrange('resource-preserving', { isAutomatic: true, holdsUnload: true });
    aspire(1, 2);
    await allTurns();
    aspire(3);
    loader.of(2).servable.finishUnload();
    await allTurns();
    expect(loader.loads).toHaveLength(2);
    loader.of(1).servable.finishUnload();
    await allTurns();
    expect(loader.loads).toHaveLength(3);
  });

  it('does not keep versions that came and went', async () => {
    const { aspire, loader, versions } = arrange('availability-preserving');
    for (let version = 1; version <= 50; version++) {
      aspire(version);
      if (version % 2 === 0) loader.of(version).fail();
      else loader.of(version).finish();
      await allTurns();
    }
    aspire();
    await allTurns();
    expect([versions.error, versions.isGone, versions.available]).toEqual([undefined, true, []]);
    for (let version = 1; version <= 50; version++) expect(versions.acquire(version)).toBeUndefined();
  });
});
