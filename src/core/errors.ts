import type { CancelSignal } from './cancellation.js';
import type { ServableId } from './servable-id.js';

/**
 * The canonical status codes of gRPC, by name. The code says what the caller should do: fix the call
 * (`INVALID_ARGUMENT`), try again (`UNAVAILABLE`), give up (`NOT_FOUND`), change state first
 * (`FAILED_PRECONDITION`), or tell us (`INTERNAL`).
 *
 * Source: gRPC, "Status codes and their use in gRPC" (doc/statuscodes.md).
 */
export type StatusCode =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** What an error is about, in fields; every one of them is also said in the message. */
export interface ErrorFacts {
  /** The servable that the failed action concerned. */
  readonly id?: ServableId;
  /** The input alias at fault. */
  readonly input?: string;
  /** The output alias at fault. */
  readonly output?: string;
  /** The option at fault, as a path: `models[0].name`. */
  readonly option?: string;
  /** What was wanted, in words. */
  readonly expected?: string;
  /** What came, in words. */
  readonly actual?: string;
  /** Why a request was rejected, in one word, for those who count: `queue_full`, `latency_target`. */
  readonly reason?: string;
  /** What went wrong underneath. For logs; never sent over a wire. */
  readonly cause?: unknown;
}

const brand = Symbol.for('servable.ServingError');

/** Codes after which the same call may succeed later without any change by the caller. */
const retryableCodes: ReadonlySet<StatusCode> = new Set(['UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'ABORTED']);

/**
 * The one error class of the library: every promise it returns rejects with it, and with nothing else.
 * `instanceof` also recognises errors of another installed copy of the package.
 *
 * @example
 * ```ts
 * import { ServingError } from 'servable';
 *
 * const error = new ServingError('NOT_FOUND', 'Servable not found for request: Latest(digits)');
 * console.log(error.code, error.retryable); // NOT_FOUND false
 * ```
 */
export class ServingError extends Error {
  /** The same for all of them: `code` tells them apart. */
  override readonly name = 'ServingError';
  /** What the caller should do about it, in the words of gRPC. */
  readonly code: StatusCode;
  /** True where the same call may succeed later: `UNAVAILABLE`, `RESOURCE_EXHAUSTED`, `ABORTED`. */
  readonly retryable: boolean;
  /** The version that it is about. */
  declare readonly id?: ServableId;
  /** The input that is wrong, by its alias. */
  declare readonly input?: string;
  /** The output that is wrong, by its alias. */
  declare readonly output?: string;
  /** The option that is wrong, by its path: `models[0].name`. */
  declare readonly option?: string;
  /** What was wanted. */
  declare readonly expected?: string;
  /** What came. */
  declare readonly actual?: string;
  /** Why a request was rejected, in one word, for those who count. */
  declare readonly reason?: string;

  constructor(code: StatusCode, message: string, facts: ErrorFacts = {}) {
    const { cause, ...fields } = facts;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryable = retryableCodes.has(code);
    Object.assign(this, fields);
    Object.defineProperty(this, brand, { value: true });
  }

  /** The fields that are set, without the cause: what another error about the same thing may take over. */
  get facts(): ErrorFacts {
    const { id, input, output, option, expected, actual, reason } = this;
    const all = Object.entries({ id, input, output, option, expected, actual, reason });
    return Object.fromEntries(all.filter(([, fact]) => fact !== undefined));
  }

  /** True for a ServingError of another copy of the package, too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }

  /** The given error as a `ServingError`: itself if it is one, else `INTERNAL` (or `code`) with it as cause. */
  static from(error: unknown, code: StatusCode = 'INTERNAL'): ServingError {
    if (error instanceof ServingError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new ServingError(code, message, { cause: error });
  }
}

/** @internal The caller must change the call. */
export function invalidArgument(message: string, facts?: ErrorFacts): ServingError {
  return new ServingError('INVALID_ARGUMENT', message, facts);
}

/**
 * @internal An error without a stack. For what a server says to thousands in a second when it has too much to do: to write
 * the stack down takes ten times longer than the rest of a refusal.
 */
export function withoutStack(make: () => ServingError): ServingError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** @internal What is not done because its caller aborted it, with the signal's reason as cause. */
export function cancelled(signal: CancelSignal | undefined): ServingError {
  return new ServingError('CANCELLED', 'The request was aborted', { cause: signal?.reason });
}
