import type { WaitingRequests } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';

/** What a loaded version has to do at the moment. */
export interface LiveVersion {
  /** Which version it is. */
  readonly id: ServableId;
  /** Requests that it has. */
  readonly leases: number;
  /** Absent where it cannot be measured. */
  readonly memoryBytes?: number;
  /** Absent where its requests do not share runs. */
  readonly waiting?: WaitingRequests;
}
