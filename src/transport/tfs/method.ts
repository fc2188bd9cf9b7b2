import type { ClientPatience, ServingApi } from '../serving-api.js';

/** What there is for one request. */
export interface Call {
  readonly patience: ClientPatience;
  /**
   * Takes memory for what the request becomes when it is decoded; until it is answered, it has it.
   *
   * @throws ServingError RESOURCE_EXHAUSTED where there is not so much.
   */
  readonly takeBytes: (bytes: number) => void;
}

/** Answers the bytes of a request with those of a response. Rejects with a ServingError, and with nothing else. */
export type Method = (request: Uint8Array, call: Call) => Promise<Uint8Array>;

/** What the methods are made of. */
export interface MethodParts {
  readonly server: ServingApi;
  /** Outputs go into `tensor_content` instead of the typed fields. */
  readonly asTensorContent: boolean;
  /** Whether a signature answers only the calls of its own method. */
  readonly isMethodChecked: boolean;
}
