import type PQueue from 'p-queue';
import { deferred } from '../core/deferred.js';
import { ServingError } from '../core/errors.js';
import type { Servable } from '../core/servable.js';
import type { Lease } from '../core/servable-directory.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { LiveVersion } from './live-version.js';
import { LoadAttempts, type LoadContext } from './load-attempts.js';
import type { RetryStatus, ServableState, ServableStatus } from './servable-state.js';
import type { AspiredVersion } from './source.js';
import { unload } from './unload.js';
import { unloaded } from './version-errors.js';

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
export interface HarnessContext extends LoadContext {
  /** Bounds how many unloads are under way. */
  readonly unloads: PQueue;
  /** Milliseconds that requests are given to finish in when their version is to go. */
  readonly unloadGraceMs: number;
}

/**
 * Leads one version through its life: loads it, lends it, and unloads it when nobody has it any more.
 */
export class ServableHarness {
  readonly id: ServableId;
  /** The version's directory. */
  readonly path: string;
  /** How it is made, as whoever wants it describes that: with another one it would be another servable. */
  readonly build: string | undefined;
  readonly #context: HarnessContext;
  readonly #publish: (status: ServableStatus) => void;
  readonly #attempts: LoadAttempts;
  readonly #drained = deferred<void>();
  #state: ServableState = 'START';
  #error: ServingError | undefined;
  #retry: RetryStatus | undefined;
  #warning: ServingError | undefined;
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
    version: AspiredVersion,
    context: HarnessContext,
    publish: (status: ServableStatus) => void,
  ) {
    this.id = id;
    this.path = version.path;
    this.build = version.build;
    this.#context = context;
    this.#publish = publish;
    this.#attempts = new LoadAttempts(id, version, context, (retry) => this.#onRetry(retry));
    publish(this.status);
  }

  get state(): ServableState {
    return this.#state;
  }

  get status(): ServableStatus {
    const { batching, device, memoryBytes } = this.#servable ?? {};
    return {
      id: this.id,
      state: this.#state,
      ...(this.#error && { error: this.#error }),
      ...(this.#retry && { retry: this.#retry }),
      ...(this.#warning && { warning: this.#warning }),
      ...(batching && { batching }),
      ...(device && { device }),
      ...(memoryBytes !== undefined && { memoryBytes }),
    };
  }

  /** Undefined before it is loaded, and when it has ended. */
  get live(): LiveVersion | undefined {
    if (this.#servable === undefined) return undefined;
    const { memoryBytes, waiting } = this.#servable;
    return {
      id: this.id,
      leases: this.#leases,
      ...(memoryBytes !== undefined && { memoryBytes }),
      ...(waiting && { waiting }),
    };
  }

  /** True from the call of `leave` on: there is no way back. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** AVAILABLE or at its END, or between two attempts: nothing more is to be expected soon. */
  get isSettled(): boolean {
    return this.#state === 'AVAILABLE' || this.#state === 'END' || this.#attempts.isWaiting;
  }

  /** Whether the memory budget had no room for it, and it is waiting or has given up. */
  get lacksRoom(): boolean {
    return this.#attempts.lacksRoom && (this.#state === 'END' || this.#attempts.isWaiting);
  }

  /** Whether its files are others now than those that were read last. */
  get isOutdated(): boolean {
    return this.#attempts.isOutdated;
  }

  /** Leases that are out. */
  get leases(): number {
    return this.#leases;
  }

  /** Loads the version; resolves when it is AVAILABLE or has ENDed. Never rejects: the status tells. */
  async load(): Promise<void> {
    this.#enter('LOADING');
    const { servable, error } = await this.#attempts.run();
    this.#retry = undefined;
    if (servable === undefined) {
      this.#end(error);
    } else if (this.#isLeaving) {
      this.#end(await unload(servable)); // it came in the very moment in which nobody wanted it any more
    } else {
      this.#servable = servable;
      this.#enter('AVAILABLE');
    }
  }

  /** Does not wait for the next attempt any longer, if it does. */
  retryNow(): void {
    this.#attempts.retryNow();
  }

  /** Is told what the version's files look like now. */
  observe(revision: string | undefined): void {
    this.#attempts.observe(revision);
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
        this.#attempts.cancel();
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

  #onRetry(retry: RetryStatus): void {
    this.#retry = retry;
    this.#publish(this.status);
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
    this.#attempts.release();
    this.#enter('END');
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
