import type { ByteBudget } from '../byte-budget.js';
import type { ClientPatience, ServingApi } from '../serving-api.js';

/** Answers the bytes of a request with those of a response. Rejects with a ServingError, and with nothing else. */
export type Method = (request: Uint8Array, patience: ClientPatience) => Promise<Uint8Array>;

/** What the methods are made of. */
export interface MethodParts {
  readonly server: ServingApi;
  /** For what requests hold until they are answered. */
  readonly budget: ByteBudget;
  /** Outputs go into `tensor_content` instead of the typed fields. */
  readonly asTensorContent: boolean;
  /** Whether a signature answers only the calls of its own method. */
  readonly isMethodChecked: boolean;
}
