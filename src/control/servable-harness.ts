import type PQueue from 'p-queue';
import type { Clock } from '../core/clock.js';
import { deferred } from '../core/deferred.js';
import { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import type { Loader, Servable } from '../core/servable.js';
import type { Lease } from '../core/servable-directory.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { LoadReport } from './lifecycle-observer.js';
import type { MemoryBudget, Reservation } from './memory-budget.js';
import { mayPass, type RetryPolicy } from './retry-policy.js';
import type { RetryStatus, ServableState, ServableStatus } from './servable-state.js';
import type { AspiredVersion } from './source.js';

/** The transitions that exist; see {@link ServableState}. */
const successors: Readonly<Record<ServableState, readonly ServableState[]>> = {
  START: ['LOADING', 'END'],
  LOADING: ['AVAILABLE', 'END'],
  AVAILABLE: ['DRAINING'],
  DRAINING: ['UNLOADING'],
  UNLOADING: ['END'],
  END: [],
};

/** What all versions of a manager share. */
export interface HarnessContext {
  readonly loader: Loader;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  /** Bound how many attempts to load, and how many unloads, are under way. */
  readonly loads: PQueue;
  readonly unloads: PQueue;
  readonly budget?: MemoryBudget | undefined;
  /** Milliseconds that requests are given to finish in when their version is to go. */
  readonly unloadGraceMs: number;
  readonly onLoad?: ((report: LoadReport) => void) | undefined;
}

/**
 * Leads one version through its life: loads it, again where that may help, lends it, and unloads it when nobody has it any
 * more.
 */
export class ServableHarness {
  readonly id: ServableId;
  /** The version's directory. */
  readonly path: string;
  /** How it is made, as whoever wants it describes that: with another one it would be another servable. */
  readonly build: string | undefined;
  readonly #context: HarnessContext;
  readonly #publish: (status: ServableStatus) => void;
  readonly #cancel = new AbortController();
  readonly #drained = deferred<void>();
  #state: ServableState = 'START';
  #error: ServingError | undefined;
  #retry: RetryStatus | undefined;
  #warning: ServingError | undefined;
  /** What its files look like now, as far as the source has told, and what they looked like when they were read last. */
  #revision: string | undefined;
  #readRevision: string | undefined;
  /** Set while an attempt waits for its turn: takes it out of the queue. */
  #leaveQueue: (() => void) | undefined;
  /** Set while it waits between two attempts. */
  #endWait: (() => void) | undefined;
  #reservation: Reservation | undefined;
  #lacksRoom = false;
  /** Set while AVAILABLE, DRAINING and UNLOADING. */
  #servable: Servable | undefined;
  #leases = 0;
  #isLeaving = false;

  /**
   * @param publish is told of every state, this first one included, right after it has been entered, and when what there
   *   is to say of a state changes; never throws.
   */
  constructor(
    id: ServableId,
    { path, build, revision }: AspiredVersion,
    context: HarnessContext,
    publish: (status: ServableStatus) => void,
  ) {
    this.id = id;
    this.path = path;
    this.build = build;
    this.#revision = revision;
    this.#context = context;
    this.#publish = publish;
    publish(this.status);
  }

  get state(): ServableState {
    return this.#state;
  }

  get status(): ServableStatus {
    const { batching, memoryBytes } = this.#servable ?? {};
    return {
      id: this.id,
      state: this.#state,
      ...(this.#error && { error: this.#error }),
      ...(this.#retry && { retry: this.#retry }),
      ...(this.#warning && { warning: this.#warning }),
      ...(batching && { batching }),
      ...(memoryBytes !== undefined && { memoryBytes }),
    };
  }

  /** True from the call of `leave` on: there is no way back. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** AVAILABLE or at its END, or between two attempts: nothing more is to be expected soon. */
  get isSettled(): boolean {
    return this.#state === 'AVAILABLE' || this.#state === 'END' || this.#endWait !== undefined;
  }

  /** Whether the memory budget had no room for it, and it is waiting or has given up. */
  get lacksRoom(): boolean {
    return this.#lacksRoom && (this.#state === 'END' || this.#endWait !== undefined);
  }

  /** Whether its files are others now than those that were read last. */
  get isOutdated(): boolean {
    return this.#readRevision !== undefined && this.#revision !== this.#readRevision;
  }

  /** Leases that are out. */
  get leases(): number {
    return this.#leases;
  }

  /** Loads the version; resolves when it is AVAILABLE or has ENDed. Never rejects: the status tells. */
  async load(): Promise<void> {
    this.#enter('LOADING');
    for (let failures = 1; ; failures++) {
      const error = await this.#attempt();
      if (this.#state !== 'LOADING') return;
      if (this.#cancel.signal.aborted) return this.#end(undefined);
      if (this.isOutdated) continue; // the files that failed are gone: these are others
      const { maxNumLoadRetries } = this.#context.retry;
      if (!mayPass(error as ServingError) || failures > maxNumLoadRetries) return this.#end(error);
      await this.#waitForNextAttempt(error as ServingError, failures);
      if (this.#cancel.signal.aborted) return this.#end(undefined);
      if (this.isOutdated) failures = 0;
    }
  }

  /** Does not wait for the next attempt any longer, if it does. */
  retryNow(): void {
    this.#endWait?.();
  }

  /** Is told what the version's files look like now. */
  observe(revision: string | undefined): void {
    if (revision === undefined) return;
    this.#revision = revision;
    if (this.isOutdated) this.retryNow();
  }

  /** Says, or no longer says, what is odd about a version that is served. */
  warn(warning: ServingError | undefined): void {
    if (this.#state !== 'AVAILABLE' || this.#warning?.message === warning?.message) return;
    this.#warning = warning;
    this.#publish(this.status);
  }

  /**
   * Begins the end, from whatever state: what has not begun ends, a load is cancelled, an available version drains and
   * is unloaded. Requests that have not ended after `graceMs` fail with UNAVAILABLE. Resolves, but for a cancelled load,
   * at END; has no effect on a version that is on its way there. Never rejects: the status tells.
   */
  async leave(graceMs: number = this.#context.unloadGraceMs): Promise<void> {
    this.#isLeaving = true;
    switch (this.#state) {
      case 'START':
        this.#end(undefined);
        return;
      case 'LOADING':
        this.#cancel.abort(new ServingError('CANCELLED', `${formatServableId(this.id)} is no longer wanted`));
        this.#leaveQueue?.();
        this.retryNow();
        return;
      case 'AVAILABLE':
        await this.#drain(graceMs);
        return;
      case 'DRAINING':
      case 'UNLOADING':
      case 'END':
        return;
      default:
        this.#state satisfies never;
    }
  }

  /** Fails all requests that it has, with this reason, and lets none in any more; it then leaves soon, if it is to. */
  abandon(reason: ServingError): void {
    this.#servable?.abandon?.(reason);
  }

  /** A lease while the version is AVAILABLE, else undefined. */
  acquire(): Lease | undefined {
    if (this.#state !== 'AVAILABLE') return undefined;
    const servable = this.#servable as Servable;
    this.#leases++;
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      this.#leases--;
      if (this.#leases === 0 && this.#state === 'DRAINING') this.#drained.resolve();
    };
    return { servable, release };
  }

  /** One attempt, in its turn; undefined where the version is available then. */
  async #attempt(): Promise<ServingError | undefined> {
    const queued = new AbortController();
    this.#leaveQueue = () => queued.abort();
    const begin = () => {
      this.#leaveQueue = undefined; // what runs is ended by the load's own signal, and is waited for
      return this.#timed(() => this.#loadOnce());
    };
    try {
      await this.#context.loads.add(begin, { signal: queued.signal });
      return undefined;
    } catch (error) {
      this.#release();
      return ServingError.from(error);
    }
  }

  async #timed(load: () => Promise<void>): Promise<void> {
    const { clock, onLoad } = this.#context;
    const startMs = clock.now();
    const report = (error?: ServingError) => {
      notify(onLoad, { id: this.id, durationMs: clock.now() - startMs, ...(error && { error }) });
    };
    try {
      await load();
    } catch (error) {
      report(ServingError.from(error));
      throw error;
    }
    report();
  }

  async #loadOnce(): Promise<void> {
    const { loader, budget } = this.#context;
    const { signal } = this.#cancel;
    this.#readRevision = this.#revision;
    this.#lacksRoom = false;
    if (budget !== undefined) await this.#reserve(budget);
    const servable = await loader.load(this.id, this.path, signal);
    if (signal.aborted) {
      this.#end(await unload(servable)); // it came too late to be wanted
      return;
    }
    if (servable.memoryBytes !== undefined) this.#reservation?.settle(servable.memoryBytes);
    this.#servable = servable;
    this.#retry = undefined;
    this.#enter('AVAILABLE');
  }

  async #reserve(budget: MemoryBudget): Promise<void> {
    const bytes = await this.#context.loader.estimate?.(this.id, this.path, this.#cancel.signal);
    this.#lacksRoom = true; // until there is
    this.#reservation = budget.reserve(this.id, bytes ?? 0);
    this.#lacksRoom = false;
  }

  async #waitForNextAttempt(error: ServingError, failures: number): Promise<void> {
    const { clock, retry } = this.#context;
    const waitMs = retry.loadRetryIntervalMicros / 1000;
    const { promise, resolve } = deferred<void>();
    const cancelTimer = clock.schedule(waitMs, resolve);
    this.#endWait = resolve;
    this.#retry = { failures, error, nextAttemptMs: waitMs };
    this.#publish(this.status);
    await promise;
    this.#endWait = undefined;
    cancelTimer();
  }

  async #drain(graceMs: number): Promise<void> {
    this.#warning = undefined;
    this.#enter('DRAINING');
    this.#servable?.drain?.();
    if (this.#leases > 0) await this.#leasesBack(graceMs);
    this.#enter('UNLOADING');
    const error = await this.#context.unloads.add(() => unload(this.#servable as Servable));
    this.#servable = undefined;
    this.#end(error);
  }

  async #leasesBack(graceMs: number): Promise<void> {
    const endGrace = () => this.abandon(unloaded(this.id, graceMs));
    const cancelGrace =
      graceMs === Number.POSITIVE_INFINITY ? undefined : this.#context.clock.schedule(graceMs, endGrace);
    await this.#drained.promise;
    cancelGrace?.();
  }

  #end(error: ServingError | undefined): void {
    this.#error = error;
    this.#retry = undefined;
    this.#release();
    this.#enter('END');
  }

  #release(): void {
    this.#reservation?.release();
    this.#reservation = undefined;
  }

  #enter(state: ServableState): void {
    if (!successors[this.#state].includes(state)) {
      throw new ServingError(
        'INTERNAL',
        `${formatServableId(this.id)} cannot go from ${this.#state} to ${state}`,
        {
          id: this.id,
        },
      );
    }
    this.#state = state;
    this.#publish(this.status);
  }
}

/** What requests reject with that had not ended when the time to drain was over. */
function unloaded(id: ServableId, graceMs: number): ServingError {
  return new ServingError(
    'UNAVAILABLE',
    `${formatServableId(id)} was unloaded before the request was answered: it did not end within ${graceMs} ms`,
    { id },
  );
}

/** The error of a servable that breaks its promise never to reject: a version that cannot be unloaded must end too. */
async function unload(servable: Servable): Promise<ServingError | undefined> {
  try {
    await servable.unload();
    return undefined;
  } catch (error) {
    return ServingError.from(error);
  }
}
