import { ServingError } from '../core/errors.js';

/** What an answer came to, and from where. */
export interface AnswerPlace {
  /** What was asked: `Predict`, or a path. */
  readonly method: string;
  readonly address: string;
}

/**
 * What is read of an answer's bytes. A server that answers with something else has lost it: to ask again would not help.
 *
 * @throws ServingError DATA_LOSS where `read` throws, whatever that is; RESOURCE_EXHAUSTED where there is no memory for it.
 */
export function readAnswer<T>(bytes: Uint8Array, place: AnswerPlace, read: (bytes: Uint8Array) => T): T {
  try {
    return read(bytes);
  } catch (cause) {
    const { code, message } = ServingError.from(cause);
    if (code === 'RESOURCE_EXHAUSTED') throw cause;
    const { method, address } = place;
    throw new ServingError(
      'DATA_LOSS',
      `Cannot read the answer to ${method} of ${address}, which has ${bytes.length} bytes: ${message}`,
      { actual: message, cause },
    );
  }
}
