import type { ServingError } from '../core/errors.js';
import type { Loader } from '../core/servable.js';
import type { Lease } from '../core/servable-directory.js';
import { ServableHarness } from './servable-harness.js';
import type { ServableState, ServableStatus } from './servable-state.js';
import type { AspiredVersion } from './source.js';
import { nextTransition, type TransitionPolicy, type VersionSnapshot } from './transition-policy.js';

/** States of a version on its way up, and at the end of its way. */
const rising: readonly ServableState[] = ['START', 'LOADING'];
const settled: readonly ServableState[] = ['AVAILABLE', 'END'];

export interface ModelVersionsOptions {
  readonly model: string;
  readonly loader: Loader;
  readonly transitionPolicy: TransitionPolicy;
  /** Told of every state of every version, after it has been entered; must not throw. */
  readonly onStatus: (status: ServableStatus) => void;
}

/**
 * The versions of one model: what is wanted of it, what there is, and the steps from the one to the other.
 *
 * Each change, from outside or of a version's state, is answered by taking the steps that the transition policy
 * allows, until it allows none.
 */
export class ModelVersions {
  readonly #options: ModelVersionsOptions;
  /** What is wanted, by version. */
  #aspired: ReadonlyMap<number, AspiredVersion> = new Map();
  /** What there is, by version; a harness that has ended stays while its version is wanted in that place. */
  readonly #harnesses = new Map<number, ServableHarness>();
  /** Versions that are AVAILABLE, highest first: replaced as a whole, so that a reader may keep it. */
  #available: readonly number[] = [];
  #isStepping = false;
  #stepAgain = false;

  constructor(options: ModelVersionsOptions) {
    this.#options = options;
  }

  get available(): readonly number[] {
    return this.#available;
  }

  /** True where everything that is wanted is AVAILABLE or has failed. */
  get isSettled(): boolean {
    return [...this.#aspired.values()].every((wanted) => {
      const harness = this.#harnesses.get(wanted.version);
      return harness !== undefined && this.#isWanted(harness) && settled.includes(harness.state);
    });
  }

  /** True where nothing of the model is in memory, or on its way there. */
  get isGone(): boolean {
    return [...this.#harnesses.values()].every(({ state }) => state === 'END');
  }

  /** Versions whose leases are out, for messages. */
  get held(): readonly ServableHarness[] {
    return [...this.#harnesses.values()].filter(({ leases }) => leases > 0);
  }

  /** Why there is none available: the error of the highest version that failed. */
  get error(): ServingError | undefined {
    const failed = [...this.#harnesses.values()].filter(({ status }) => status.error !== undefined);
    failed.sort((a, b) => b.id.version - a.id.version);
    return failed[0]?.status.error;
  }

  /** States what is wanted, all of it; false where that is what was wanted already. */
  aspire(versions: readonly AspiredVersion[]): boolean {
    if (this.#isWhatIsAspired(versions)) return false;
    this.#aspired = new Map(versions.map((wanted) => [wanted.version, wanted]));
    this.#step();
    return true;
  }

  /** True where anything is wanted. */
  get isAnyAspired(): boolean {
    return this.#aspired.size > 0;
  }

  /** True where this version is still wanted. */
  isAspired(version: number): boolean {
    return this.#aspired.has(version);
  }

  acquire(version: number): Lease | undefined {
    return this.#harnesses.get(version)?.acquire();
  }

  #isWhatIsAspired(versions: readonly AspiredVersion[]): boolean {
    const isSame = ({ version, path }: AspiredVersion) => this.#aspired.get(version)?.path === path;
    return versions.length === this.#aspired.size && versions.every(isSame);
  }

  /** Wanted, in this place; one that is leaving cannot be had back, so its version is to be loaded anew. */
  #isWanted({ id, path, isLeaving }: ServableHarness): boolean {
    return !isLeaving && this.#aspired.get(id.version)?.path === path;
  }

  /** Takes steps until there is none to take. States change while it does, so it may be asked to while it is at it. */
  #step(): void {
    this.#stepAgain = true;
    if (this.#isStepping) return;
    this.#isStepping = true;
    while (this.#stepAgain) {
      this.#stepAgain = false;
      this.#forgetEnded();
      this.#startWanted();
      this.#leaveUnbegun();
      this.#follow();
    }
    this.#isStepping = false;
  }

  /** Ended and no longer wanted, or wanted in another place: a new harness may take its version. */
  #forgetEnded(): void {
    for (const [version, harness] of this.#harnesses) {
      if (harness.state === 'END' && !this.#isWanted(harness)) this.#harnesses.delete(version);
    }
  }

  #startWanted(): void {
    const { model, onStatus } = this.#options;
    for (const { version, path } of this.#aspired.values()) {
      if (this.#harnesses.has(version)) continue; // there, or to be awaited until it is gone
      const publish = (status: ServableStatus) => {
        this.#refreshAvailable();
        onStatus(status);
        this.#step();
      };
      this.#harnesses.set(version, new ServableHarness({ model, version }, path, publish));
    }
  }

  /** What is not wanted any more and not available yet goes at once: no policy needs it. */
  #leaveUnbegun(): void {
    for (const harness of this.#harnesses.values()) {
      if (!this.#isWanted(harness) && rising.includes(harness.state)) void harness.leave();
    }
  }

  #follow(): void {
    const snapshots: VersionSnapshot[] = [...this.#harnesses.values()].map((harness) => ({
      version: harness.id.version,
      state: harness.state,
      isAspired: this.#isWanted(harness),
      isAspiredAnew: !this.#isWanted(harness) && this.#aspired.has(harness.id.version),
    }));
    const step = nextTransition(this.#options.transitionPolicy, snapshots);
    const harness = step && this.#harnesses.get(step.version);
    if (harness === undefined) return;
    // Neither rejects: what comes of them comes back as a status.
    if (step?.action === 'load') void harness.load(this.#options.loader);
    else void harness.leave();
    this.#stepAgain = true;
  }

  #refreshAvailable(): void {
    this.#available = [...this.#harnesses.values()]
      .filter(({ state }) => state === 'AVAILABLE')
      .map(({ id }) => id.version)
      .sort((a, b) => b - a);
  }
}
