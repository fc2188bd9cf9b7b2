import type { UnbatchedReport } from '../core/servable.js';
import type { ManagerFailure } from './manager.js';
import type { ServableStatus } from './servable-state.js';

/** What a server tells; each of them has happened already, and nobody needs to listen. */
export interface ModelServerEvents {
  /** A version has entered a state. */
  state: (status: ServableStatus) => void;
  /** A version could not be loaded, or a model's base path could not be read. What is served goes on being served. */
  failure: (failure: ManagerFailure) => void;
  /** A version was loaded whose requests run alone, or some of them, although batching was asked for. */
  unbatched: (report: UnbatchedReport) => void;
}
