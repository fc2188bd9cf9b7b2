import { type ManagerFailure, ServableManager, type ServableManagerOptions } from '#dist/control/manager.js';
import { StateMonitor } from '#dist/control/state-monitor.js';
import type { TransitionPolicy } from '#dist/control/transition-policy.js';
import type { Lease } from '#dist/core/servable-directory.js';
import { FakeClock } from './fake-clock.js';
import { FakeLoader, type FakeLoaderOptions } from './fake-loader.js';

export interface ManagerArrangement extends FakeLoaderOptions {
  readonly policy?: TransitionPolicy;
  /** What else the manager is made with. */
  readonly options?: Partial<ServableManagerOptions>;
  readonly onFailure?: (failure: ManagerFailure) => void;
}

/** A manager of the model `digits` with a loader that does what it is told, and time that stands still. */
export function arrangeManager({ policy, onFailure, options, ...loading }: ManagerArrangement = {}) {
  const clock = new FakeClock();
  const loader = new FakeLoader(loading);
  const monitor = new StateMonitor({ clock });
  const failures: ManagerFailure[] = [];
  const manager = new ServableManager({
    loader,
    monitor,
    clock,
    onFailure: onFailure ?? ((failure) => failures.push(failure)),
    ...options,
    ...(policy && { transitionPolicy: () => policy }),
  });
  const told: string[] = [];
  monitor.listen(({ id, state, error }) => told.push(`${id.version} ${state}${error ? ' failed' : ''}`));
  return {
    clock,
    loader,
    monitor,
    failures,
    manager,
    aspire: (versions: readonly number[], base = '/a', revision?: string) =>
      manager.aspire(
        'digits',
        versions.map((version) => ({
          version,
          path: `${base}/${version}`,
          ...(revision !== undefined && { revision }),
        })),
      ),
    acquire: (version: number) => manager.acquire({ model: 'digits', version }) as Lease,
    available: () => manager.available('digits'),
    /** What was told since it was last asked. */
    news: () => told.splice(0),
    heldAfterGrace: async (graceMs: number) => {
      const held: number[][] = [];
      const onGraceOver = (ids: readonly { version: number }[]) =>
        held.push(ids.map(({ version }) => version));
      const closed = manager.close({ graceMs, onGraceOver });
      return { closed, held };
    },
  };
}
