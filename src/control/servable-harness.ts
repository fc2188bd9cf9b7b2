import { deferred } from '../core/deferred.js';
import { ServingError } from '../core/errors.js';
import type { Loader, Servable } from '../core/servable.js';
import type { Lease } from '../core/servable-directory.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { ServableState, ServableStatus } from './servable-state.js';

/** The transitions that exist; see {@link ServableState}. */
const successors: Readonly<Record<ServableState, readonly ServableState[]>> = {
  START: ['LOADING', 'END'],
  LOADING: ['AVAILABLE', 'END'],
  AVAILABLE: ['DRAINING'],
  DRAINING: ['UNLOADING'],
  UNLOADING: ['END'],
  END: [],
};

/**
 * Leads one version through its life: loads it, lends it, and unloads it when nobody has it any more.
 *
 * Draining counts leases and knows no time: a request that holds a lease keeps the version loaded.
 */
export class ServableHarness {
  readonly id: ServableId;
  /** The version's directory. */
  readonly path: string;
  readonly #publish: (status: ServableStatus) => void;
  readonly #cancel = new AbortController();
  readonly #drained = deferred<void>();
  #state: ServableState = 'START';
  #error: ServingError | undefined;
  /** Set while AVAILABLE, DRAINING and UNLOADING. */
  #servable: Servable | undefined;
  #leases = 0;
  #isLeaving = false;

  /** @param publish is told of every state, this first one included, right after it has been entered; never throws. */
  constructor(id: ServableId, path: string, publish: (status: ServableStatus) => void) {
    this.id = id;
    this.path = path;
    this.#publish = publish;
    publish(this.status);
  }

  get state(): ServableState {
    return this.#state;
  }

  get status(): ServableStatus {
    const batching = this.#servable?.batching;
    return {
      id: this.id,
      state: this.#state,
      ...(this.#error && { error: this.#error }),
      ...(batching && { batching }),
    };
  }

  /** True from the call of `leave` on: there is no way back. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Leases that are out. */
  get leases(): number {
    return this.#leases;
  }

  /** Loads the version; resolves when it is AVAILABLE or has ENDed. Never rejects: the status tells. */
  async load(loader: Loader): Promise<void> {
    this.#enter('LOADING');
    let servable: Servable;
    try {
      servable = await loader.load(this.id, this.path, this.#cancel.signal);
    } catch (error) {
      this.#end(this.#cancel.signal.aborted ? undefined : ServingError.from(error));
      return;
    }
    if (this.#cancel.signal.aborted) {
      this.#end(await unload(servable)); // it came too late to be wanted
      return;
    }
    this.#servable = servable;
    this.#enter('AVAILABLE');
  }

  /**
   * Begins the end, from whatever state: what has not begun ends, a load is cancelled, an available version drains and
   * is unloaded. Resolves, but for a cancelled load, at END; has no effect on a version that is on its way there. Never
   * rejects: the status tells.
   */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    switch (this.#state) {
      case 'START':
        this.#end(undefined);
        return;
      case 'LOADING':
        this.#cancel.abort(new ServingError('CANCELLED', `${formatServableId(this.id)} is no longer wanted`));
        return;
      case 'AVAILABLE':
        await this.#drain();
        return;
      case 'DRAINING':
      case 'UNLOADING':
      case 'END':
        return;
      default:
        this.#state satisfies never;
    }
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

  async #drain(): Promise<void> {
    this.#enter('DRAINING');
    this.#servable?.drain?.();
    if (this.#leases > 0) await this.#drained.promise;
    this.#enter('UNLOADING');
    const error = await unload(this.#servable as Servable);
    this.#servable = undefined;
    this.#end(error);
  }

  #end(error: ServingError | undefined): void {
    this.#error = error;
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

/** The error of a servable that breaks its promise never to reject: a version that cannot be unloaded must end too. */
async function unload(servable: Servable): Promise<ServingError | undefined> {
  try {
    await servable.unload();
    return undefined;
  } catch (error) {
    return ServingError.from(error);
  }
}
