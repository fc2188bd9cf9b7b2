import type { Servable } from './servable.js';
import type { ServableId } from './servable-id.js';

/** The right to run a servable; while it is held, the servable is not unloaded. */
export interface Lease {
  /** Stays loaded until the lease is released. */
  readonly servable: Servable;
  /** Gives the lease back. Once; a second call has no effect. */
  release(): void;
}

/**
 * What is available now, for whoever routes requests. Reads are synchronous and see one consistent state: a version
 * that is listed can be leased in the same turn of the event loop.
 */
export interface ServableDirectory {
  /** Versions of a model that are AVAILABLE, highest first; undefined for a model that is not configured. */
  available(model: string): readonly number[] | undefined;
  /** A lease on an available version; undefined where it is not available. */
  acquire(id: ServableId): Lease | undefined;
  /** Why a model has no available version, as far as is known: the newest load or source error. */
  reason(model: string): Error | undefined;
}
