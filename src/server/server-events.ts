import type { ManagerFailure } from '../control/manager.js';
import type { ServableStatus } from '../control/servable-state.js';
import type { UnbatchedReport } from '../core/servable.js';
import type { LabelMove } from '../routing/labels.js';
import type { ConfigReport } from './model-config-file.js';

/** What a server tells; each of them has happened already, and nobody needs to listen. */
export interface ModelServerEvents {
  /** A version has entered a state, or there is more to say of it: a load is tried again, its files have changed. */
  state: (status: ServableStatus) => void;
  /** A version could not be loaded, or a model's base path could not be read. What is served goes on being served. */
  failure: (failure: ManagerFailure) => void;
  /** A version was loaded whose requests run alone, or some of them, although batching was asked for. */
  unbatched: (report: UnbatchedReport) => void;
  /** A config file that has changed was taken over, or could not be: what was wanted before is wanted still. */
  config: (report: ConfigReport) => void;
  /** A label points to another version than before. */
  label: (move: LabelMove) => void;
  /** The start has ended well: what was found is available, or has failed. */
  started: () => void;
  /** Other models than before are to be served from now on. */
  models: () => void;
  /** No new requests are taken; those that were are being finished. */
  closing: () => void;
}

/** Tells the host, a little later: a listener that throws must not stop what it is told of. */
export type Emit = <E extends keyof ModelServerEvents>(
  event: E,
  ...args: Parameters<ModelServerEvents[E]>
) => void;
