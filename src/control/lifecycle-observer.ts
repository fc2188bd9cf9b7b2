import type { ServingError } from '../core/errors.js';
import type { ServableId } from '../core/servable-id.js';
import type { ServableStatus } from './servable-state.js';

/** An attempt to load a version. The payload of the tracing channel `servable:load`. */
export interface LoadRecord {
  /** Which version is being loaded. */
  readonly id: ServableId;
  /** The version's directory. */
  readonly path: string;
}

/** An attempt to load a version that has ended. */
export interface LoadReport extends LoadRecord {
  /** Milliseconds from its turn on: estimate, load, warm-up. */
  readonly durationMs: number;
  /** Why it failed, where it did. */
  readonly error?: ServingError;
}

/** A look into a base path that has ended. */
export interface LookReport {
  /** Whose base path it was. */
  readonly model: string;
  /** Milliseconds that the look took. */
  readonly durationMs: number;
  /** Why it could not be looked into, where it could not. */
  readonly error?: ServingError;
  /** What is odd about what was found: a version that the policy names is not there, two names mean the same one. */
  readonly warning?: ServingError;
}

/**
 * Is told what happens to models and versions, at the moment when it does: for metrics. What a member throws is an uncaught
 * exception, and changes nothing.
 */
export interface LifecycleObserver {
  /** A version has entered a state, or there is more to say of it. */
  onState?(status: ServableStatus): void;
  /** An attempt to load a version has ended, well or not. */
  onLoad?(report: LoadReport): void;
  /** A base path was looked into. */
  onLook?(report: LookReport): void;
}
