import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServableManager } from '#dist/control/manager.js';
import type { ServableState, ServableStatus } from '#dist/control/servable-state.js';
import { StateMonitor } from '#dist/control/state-monitor.js';
import type { TransitionPolicy } from '#dist/control/transition-policy.js';
import type { Servable } from '#dist/core/servable.js';
import type { Lease } from '#dist/core/servable-directory.js';
import { FakeClock } from '../support/fake-clock.js';
import { FakeLoader, type FakeServable } from '../support/fake-loader.js';

/** What may happen to a model. Numbers choose among what there is at that time. */
type Happening =
  | { readonly kind: 'aspire'; readonly versions: readonly (readonly [version: number, base: string])[] }
  | { readonly kind: 'write' | 'look' }
  | { readonly kind: 'finish' | 'fail' | 'finishUnload' | 'acquire' | 'release'; readonly which: number }
  | { readonly kind: 'turn' };

const aspiration = fc.record({
  kind: fc.constant('aspire' as const),
  versions: fc.uniqueArray(
    fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom('/a', '/a', '/a', '/b')),
    {
      selector: ([version]) => version,
    },
  ),
});

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 2, arbitrary: aspiration },
  { weight: 5, arbitrary: fc.constant({ kind: 'turn' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'write' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'look' as const }) },
  ...(
    [
      ['finish', 5],
      ['fail', 1],
      ['finishUnload', 4],
      ['acquire', 4],
      ['release', 2],
    ] as const
  ).map(([kind, weight]) => ({
    weight,
    arbitrary: fc.record({ kind: fc.constant(kind), which: fc.nat(20) }),
  })),
);

const successors: Readonly<Record<ServableState | 'unknown', readonly ServableState[]>> = {
  unknown: ['START'],
  START: ['LOADING', 'END'],
  LOADING: ['AVAILABLE', 'END'],
  AVAILABLE: ['AVAILABLE', 'DRAINING'], // itself: replaced by what is there now, or with more to say
  DRAINING: ['UNLOADING'],
  UNLOADING: ['END'],
  END: ['START'],
};

/** A manager, everything that happens to it, and what must be true all the while. */
class Trial {
  readonly #policy: TransitionPolicy;
  readonly #loader: FakeLoader;
  readonly #monitor = new StateMonitor({ clock: new FakeClock() });
  readonly #manager: ServableManager;
  readonly #states = new Map<number, ServableState>();
  readonly #leases: Lease[] = [];
  /** Unloads that have begun and not ended. */
  readonly #unloading = new Set<FakeServable>();
  #wanted = new Map<number, string>();
  /** What all files look like. */
  #revision = 0;
  /** What went wrong; thrown at the end, since a listener's throw does not stop the manager. */
  readonly #faults: string[] = [];

  constructor(policy: TransitionPolicy, ignoresAbort: boolean) {
    this.#policy = policy;
    const onUnload = (servable: FakeServable) => this.#onUnload(servable);
    this.#loader = new FakeLoader({ ignoresAbort, holdsUnload: true, onUnload });
    this.#manager = new ServableManager({
      loader: this.#loader,
      monitor: this.#monitor,
      clock: new FakeClock(),
      transitionPolicy: () => policy,
    });
    this.#monitor.listen((status) => this.#onStatus(status));
  }

  async live(happenings: readonly Happening[]): Promise<void> {
    for (const each of happenings) await this.#happen(each);
    this.#look();
    this.#look(); // the second time in a row, nobody writes any more
    await this.#letAllEnd(this.#manager.settled());
    this.#expectSettled();
    this.#manager.acquire({ model: 'm', version: this.#manager.available('m')?.[0] ?? 0 })?.release();
    this.#wanted = new Map();
    await this.#letAllEnd(this.#manager.close({ graceMs: Number.POSITIVE_INFINITY }));
    this.#expectGone();
    expect(this.#faults).toEqual([]);
  }

  async #happen(it: Happening): Promise<void> {
    switch (it.kind) {
      case 'aspire': {
        this.#wanted = new Map(it.versions);
        return this.#look();
      }
      case 'write':
        this.#revision++;
        return;
      case 'look':
        return this.#look();
      case 'turn':
        return setImmediate();
      case 'finish':
      case 'fail':
        return pick(this.#pendingLoads(), it.which)?.[it.kind]();
      case 'finishUnload':
        return this.#finishUnload(pick([...this.#unloading], it.which));
      case 'acquire': {
        const version = pick(this.#manager.available('m') ?? [], it.which);
        if (version !== undefined) this.#acquire(version);
        return;
      }
      case 'release': {
        const [lease] = this.#leases.splice(it.which % Math.max(this.#leases.length, 1), 1);
        lease?.release();
        return lease?.release(); // a second time has no effect
      }
      default:
        it satisfies never;
    }
  }

  #look(): void {
    const revision = String(this.#revision);
    const versions = [...this.#wanted].map(([version, path]) => ({ version, path, revision }));
    this.#manager.aspire('m', versions);
  }

  #acquire(version: number): void {
    const lease = this.#manager.acquire({ model: 'm', version });
    if (lease === undefined) this.#faults.push(`${version} is listed and cannot be leased`);
    else this.#leases.push(lease);
  }

  /** Lets loads finish, leases come back and unloads end, until `done`. */
  async #letAllEnd(done: Promise<void>): Promise<void> {
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    for (let turn = 0; turn < 200 && !isDone; turn++) {
      for (const load of this.#pendingLoads()) load.finish();
      for (const lease of this.#leases.splice(0)) lease.release();
      for (const servable of this.#unloading) this.#finishUnload(servable);
      await setImmediate();
    }
    expect(isDone).toBe(true);
  }

  #onStatus({ id: { version }, state }: ServableStatus): void {
    const before = this.#states.get(version) ?? 'unknown';
    this.#states.set(version, state);
    if (!successors[before].includes(state)) this.#faults.push(`${version} went from ${before} to ${state}`);
    if (state === 'DRAINING') this.#checkDrain(version);
    if (state === 'LOADING' && this.#policy === 'resource-preserving') this.#checkRoom(version);
  }

  #checkDrain(version: number): void {
    const isMoving = this.#wanted.has(version) && this.#wanted.get(version) !== this.#loader.of(version).path;
    const mayMove = isMoving && this.#policy === 'resource-preserving';
    if (this.#wanted.has(version) && !mayMove) this.#faults.push(`${version} was unloaded and is wanted`);
    const isLast = this.#manager.available('m')?.length === 0;
    if (this.#policy === 'resource-preserving' || !isLast || this.#wanted.size === 0) return;
    this.#faults.push(`${version} was unloaded and nothing else answers`);
  }

  #checkRoom(version: number): void {
    for (const [other, state] of this.#states) {
      if (state !== 'END' && !this.#wanted.has(other))
        this.#faults.push(`${version} was loaded beside ${other}, which is ${state}`);
    }
  }

  #onUnload(servable: FakeServable): void {
    this.#unloading.add(servable);
    if (this.#leases.some((lease) => lease.servable === (servable as Servable)))
      this.#faults.push(`${servable.id.version} was unloaded under a lease`);
  }

  #finishUnload(servable: FakeServable | undefined): void {
    if (servable === undefined) return;
    this.#unloading.delete(servable);
    servable.finishUnload();
  }

  #pendingLoads() {
    return this.#loader.loads.filter(({ outcome }) => outcome === 'pending');
  }

  #expectSettled(): void {
    const available = this.#manager.available('m') ?? [];
    const isFailed = (version: number) =>
      this.#states.get(version) === 'END' && this.#loader.of(version).outcome === 'failed';
    for (const version of this.#wanted.keys())
      expect(available.includes(version) || isFailed(version)).toBe(true);
    // What is not wanted any more may answer only where nothing that is wanted does.
    const wanted = available.filter((version) => this.#wanted.has(version));
    if (wanted.length > 0) {
      const leftOver = available.filter((version) => !this.#wanted.has(version));
      expect(leftOver).toEqual([]);
    }
  }

  #expectGone(): void {
    for (const { servable, outcome } of this.#loader.loads)
      expect(servable.unloads).toBe(outcome === 'finished' ? 1 : 0);
    expect(this.#monitor.status().filter(({ state }) => state !== 'END')).toEqual([]);
    expect(this.#manager.available('m') ?? []).toEqual([]);
  }
}

function pick<T>(items: readonly T[], which: number): T | undefined {
  return items[which % Math.max(items.length, 1)];
}

/** Successors that are still loading when nothing is wanted any more: the end waited for them in vain. */
const retiredLoadsAtTheEnd: Happening[] = [
  { kind: 'aspire', versions: [[1, '/a']] },
  { kind: 'write' },
  {
    kind: 'aspire',
    versions: [
      [4, '/a'],
      [2, '/a'],
      [1, '/a'],
      [3, '/a'],
    ],
  },
  { kind: 'finish', which: 0 },
  { kind: 'look' },
  { kind: 'finish', which: 0 },
  { kind: 'aspire', versions: [] },
  { kind: 'finish', which: 0 },
  { kind: 'finish', which: 0 },
];

describe('whatever happens to a model', () => {
  it.each<[TransitionPolicy, string]>([
    ['availability-preserving', 'one that answers stays until another one does'],
    ['resource-preserving', 'nothing is loaded beside what must go'],
  ])('%s: no lease is cut, all that was loaded is unloaded once, and %s', async (policy) => {
    // fast-check prints the seed of a failure; put the counterexample it names into `examples` to keep it.
    await fc.assert(
      fc.asyncProperty(
        fc.array(happening, { maxLength: 60, size: 'max' }),
        fc.boolean(),
        (happenings, ignoresAbort) => new Trial(policy, ignoresAbort).live(happenings),
      ),
      { numRuns: 500, examples: [[retiredLoadsAtTheEnd, true]] },
    );
  });
});
