import type { ServingError } from '../core/errors.js';
import type { Lease } from '../core/servable-directory.js';
import type { LiveVersion } from './live-version.js';
import { SeenRevisions } from './seen-revisions.js';
import { type HarnessContext, ServableHarness } from './servable-harness.js';
import type { ServableState, ServableStatus } from './servable-state.js';
import type { AspiredVersion } from './source.js';
import { nextTransition, type TransitionPolicy, type VersionSnapshot } from './transition-policy.js';
import { notReplaced, outdated } from './version-errors.js';

/** States of a version on its way up. */
const rising: readonly ServableState[] = ['START', 'LOADING'];

export interface ModelVersionsOptions {
  readonly model: string;
  readonly context: HarnessContext;
  readonly transitionPolicy: () => TransitionPolicy;
  /** Told of every state of every version, after it has been entered; must not throw. */
  readonly onStatus: (status: ServableStatus) => void;
  /** Told when something has changed that is no status: a version is replaced, say; must not throw. */
  readonly onChange: () => void;
}

/**
 * The versions of one model: what is wanted of it, what there is, and the steps from the one to the other.
 *
 * Each change, from outside or of a version's state, is answered by taking the steps that the transition policy
 * allows, until it allows none.
 *
 * A version that answers and is wanted otherwise (from another place, made in another way, or with the files that lie there
 * now) is replaced: a successor is loaded beside it, silently, and takes its place when it is available; where that fails,
 * the one there is goes on answering. With `resource-preserving` there is no room for that: it is unloaded first.
 */
export class ModelVersions {
  readonly #options: ModelVersionsOptions;
  /** What is wanted, by version. */
  #aspired: ReadonlyMap<number, AspiredVersion> = new Map();
  /** What there is, by version; a harness that has ended stays while its version is wanted as it is. */
  readonly #harnesses = new Map<number, ServableHarness>();
  /** What is to take the place of an available harness, by version; one that has failed stays, as long as it is wanted. */
  readonly #successors = new Map<number, ServableHarness>();
  /** What has been replaced, or was to replace another one, and has not ended yet. */
  readonly #retired = new Set<ServableHarness>();
  readonly #seen = new SeenRevisions();
  /** Versions that are AVAILABLE, highest first: replaced as a whole, so that a reader may keep it. */
  #available: readonly number[] = [];
  #isStepping = false;
  #stepAgain = false;
  /** Set while a successor is made: nobody is told. */
  #isSilent = false;

  constructor(options: ModelVersionsOptions) {
    this.#options = options;
  }

  get available(): readonly number[] {
    return this.#available;
  }

  /** True where everything that is wanted is AVAILABLE as it is wanted, has failed, or waits to be tried again. */
  get isSettled(): boolean {
    return [...this.#aspired.values()].every((wanted) => {
      const harness = this.#harnesses.get(wanted.version);
      if (harness === undefined || !this.#isWanted(harness)) return false;
      return (this.#successors.get(wanted.version) ?? harness).isSettled && !this.#mustReplace(harness);
    });
  }

  /** True where a version that is wanted answers, made as it is wanted. */
  get isServed(): boolean {
    return [...this.#harnesses.values()].some(
      (harness) => harness.state === 'AVAILABLE' && this.#isMadeAsWanted(harness),
    );
  }

  /** True where nothing of the model is in memory, or on its way there. */
  get isGone(): boolean {
    return this.#all().every(({ state }) => state === 'END');
  }

  /** Versions whose leases are out, for messages. */
  get held(): readonly ServableHarness[] {
    return this.#all().filter(({ leases }) => leases > 0);
  }

  /** What is loaded, as of now: a version that is being replaced is there twice. */
  get live(): readonly LiveVersion[] {
    return this.#all().flatMap(({ live }) => live ?? []);
  }

  /** Why there is none available, or none as it is wanted: the error of the highest version that failed. */
  get error(): ServingError | undefined {
    const errorOf = ({ status }: ServableHarness) => status.error ?? status.retry?.error ?? status.warning;
    const failed = [...this.#harnesses.values()].filter((harness) => errorOf(harness) !== undefined);
    failed.sort((a, b) => b.id.version - a.id.version);
    return failed[0] && errorOf(failed[0]);
  }

  /** States what is wanted, all of it; false where that is what was wanted already. */
  aspire(versions: readonly AspiredVersion[]): boolean {
    const isOld = this.#isWhatIsAspired(versions);
    this.#aspired = new Map(versions.map((wanted) => [wanted.version, wanted]));
    this.#observe();
    if (isOld && !this.#all().some(({ isOutdated }) => isOutdated)) return false; // most of the time
    this.#step();
    return !isOld;
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

  /** Tries what found no room in the memory budget again: there is more now. */
  retryForRoom(): void {
    for (const harnesses of [this.#harnesses, this.#successors]) {
      for (const [version, harness] of harnesses) {
        if (!harness.lacksRoom) continue;
        if (harness.state === 'END') harnesses.delete(version);
        else harness.retryNow();
      }
    }
    this.#step();
  }

  /** Lets go of everything, and waits for the leases however long. */
  leave(): void {
    this.#aspired = new Map();
    for (const harness of this.#all()) void harness.leave(Number.POSITIVE_INFINITY);
    this.#step();
  }

  #all(): readonly ServableHarness[] {
    return [...this.#harnesses.values(), ...this.#successors.values(), ...this.#retired];
  }

  #isWhatIsAspired(versions: readonly AspiredVersion[]): boolean {
    const isSame = (other: AspiredVersion) => {
      const wanted = this.#aspired.get(other.version);
      return (
        wanted?.path === other.path && wanted.build === other.build && wanted.revision === other.revision
      );
    };
    return versions.length === this.#aspired.size && versions.every(isSame);
  }

  /** Tells the harnesses what their files look like now. */
  #observe(): void {
    for (const { version, revision } of this.#aspired.values()) {
      for (const harness of [this.#harnesses.get(version), this.#successors.get(version)]) {
        if (harness !== undefined && this.#isMadeAsWanted(harness)) harness.observe(revision);
      }
    }
    this.#seen.look(this.#aspired.values());
  }

  /** Made from the place and in the way that is wanted. */
  #isMadeAsWanted({ id, path, build }: ServableHarness): boolean {
    const wanted = this.#aspired.get(id.version);
    return wanted !== undefined && wanted.path === path && wanted.build === build;
  }

  /** One that is leaving cannot be had back, so its version is to be loaded anew. */
  #isWanted(harness: ServableHarness): boolean {
    return !harness.isLeaving && (this.#isMadeAsWanted(harness) || this.#mayReplace(harness));
  }

  /** Whether it answers for its version until another one takes its place. */
  #mayReplace(harness: ServableHarness): boolean {
    const isWanted = this.#aspired.has(harness.id.version);
    return (
      isWanted &&
      harness.state === 'AVAILABLE' &&
      this.#options.transitionPolicy() === 'availability-preserving'
    );
  }

  /** Whether it should be replaced and no successor is on its way, nor has failed in being one. */
  #mustReplace(harness: ServableHarness): boolean {
    const { version } = harness.id;
    if (harness.isLeaving || !this.#mayReplace(harness) || this.#successors.has(version)) return false;
    return !this.#isMadeAsWanted(harness) || (harness.isOutdated && this.#seen.isStable(version));
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
      this.#replace();
      this.#follow();
    }
    this.#isStepping = false;
  }

  /** Ended, and no longer wanted, or wanted otherwise: a new harness may take its version. */
  #forgetEnded(): void {
    for (const [version, harness] of this.#harnesses) {
      const isOver = harness.state === 'END';
      if (isOver && (!this.#isWanted(harness) || harness.isOutdated)) this.#harnesses.delete(version);
    }
    for (const harness of this.#retired) {
      if (harness.state === 'END') this.#retired.delete(harness);
    }
  }

  #startWanted(): void {
    for (const wanted of this.#aspired.values()) {
      if (this.#harnesses.has(wanted.version)) continue; // there, or to be awaited until it is gone
      this.#harnesses.set(wanted.version, this.#newHarness(wanted));
    }
  }

  #newHarness(wanted: AspiredVersion): ServableHarness {
    const { model, context } = this.#options;
    const id = { model, version: wanted.version };
    const harness: ServableHarness = new ServableHarness(id, wanted, context, (status) => {
      this.#onStatus(status, () => harness);
    });
    return harness;
  }

  /** What a successor or a replaced one goes through is nobody's business: its version answers all the while. */
  #onStatus(status: ServableStatus, harness: () => ServableHarness): void {
    const isSilent = status.state === 'START' ? this.#isSilent : this.#isSilentNow(status, harness());
    this.#refreshAvailable();
    if (isSilent) this.#options.onChange();
    else this.#options.onStatus(status);
    this.#step();
  }

  #isSilentNow({ id: { version }, state }: ServableStatus, harness: ServableHarness): boolean {
    const isSuccessor = this.#successors.get(version) === harness;
    if (!isSuccessor || state !== 'AVAILABLE') return isSuccessor || this.#retired.has(harness);
    this.#promote(version, harness);
    return false;
  }

  /** What is not wanted any more and not available yet goes at once: no policy needs it. */
  #leaveUnbegun(): void {
    for (const harness of this.#harnesses.values()) {
      if (!this.#isWanted(harness) && rising.includes(harness.state)) void harness.leave();
    }
  }

  #replace(): void {
    for (const [version, successor] of this.#successors) {
      const replaced = this.#harnesses.get(version);
      const isNeeded = replaced?.state === 'AVAILABLE' && this.#isSuccessorWanted(replaced, successor);
      if (!isNeeded) this.#retire(version, successor);
    }
    for (const harness of this.#harnesses.values()) {
      if (this.#mustReplace(harness)) this.#loadSuccessor(harness);
      harness.warn(this.#warningOf(harness));
    }
  }

  #isSuccessorWanted(replaced: ServableHarness, successor: ServableHarness): boolean {
    const isStillNeeded = !this.#isMadeAsWanted(replaced) || replaced.isOutdated;
    const isAnotherNeeded = successor.state === 'END' && successor.isOutdated;
    return isStillNeeded && this.#isMadeAsWanted(successor) && !isAnotherNeeded;
  }

  #retire(version: number, successor: ServableHarness): void {
    this.#successors.delete(version);
    this.#retired.add(successor);
    void successor.leave();
  }

  #loadSuccessor({ id: { version } }: ServableHarness): void {
    this.#isSilent = true;
    const successor = this.#newHarness(this.#aspired.get(version) as AspiredVersion);
    this.#isSilent = false;
    this.#successors.set(version, successor);
    void successor.load();
  }

  #promote(version: number, successor: ServableHarness): void {
    const replaced = this.#harnesses.get(version) as ServableHarness;
    this.#successors.delete(version);
    this.#harnesses.set(version, successor);
    this.#retired.add(replaced);
    void replaced.leave();
  }

  #warningOf(harness: ServableHarness): ServingError | undefined {
    const { id } = harness;
    const { error, retry } = this.#successors.get(id.version)?.status ?? {};
    const cause = error ?? retry?.error;
    if (cause !== undefined) return notReplaced(id, cause);
    return harness.isOutdated && this.#isMadeAsWanted(harness) ? outdated(id) : undefined;
  }

  #follow(): void {
    const snapshots: VersionSnapshot[] = [...this.#harnesses.values()].map((harness) => ({
      version: harness.id.version,
      state: harness.state,
      isAspired: this.#isWanted(harness),
      isAspiredAnew: !this.#isWanted(harness) && this.#aspired.has(harness.id.version),
    }));
    const step = nextTransition(this.#options.transitionPolicy(), snapshots);
    const harness = step && this.#harnesses.get(step.version);
    if (harness === undefined) return;
    // Neither rejects: what comes of them comes back as a status.
    if (step?.action === 'load') void harness.load();
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
