import type { ServingError, StatusCode } from '../core/errors.js';

/** How often, and how far apart, a load that failed is tried again. */
export interface RetryPolicy {
  /** Attempts after the first one. 0: none. */
  readonly maxNumLoadRetries: number;
  /** Microseconds between the end of an attempt and the next one. 0: none. */
  readonly loadRetryIntervalMicros: number;
}

export const noRetries: RetryPolicy = { maxNumLoadRetries: 0, loadRetryIntervalMicros: 0 };

/** What is wrong with the files themselves, and stays wrong until they change. */
const lasting: ReadonlySet<StatusCode> = new Set([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'DATA_LOSS',
  'UNIMPLEMENTED',
  'FAILED_PRECONDITION',
  'OUT_OF_RANGE',
]);

/**
 * True where a load that failed so may succeed later although its files stay as they are: a thread died, memory ran out, a
 * storage did not answer. A file that is no model will not be one in a minute: its version is loaded anew when its files
 * change, and TF Serving's five minutes of vain attempts are spared.
 */
export function mayPass({ code }: ServingError): boolean {
  return !lasting.has(code);
}
