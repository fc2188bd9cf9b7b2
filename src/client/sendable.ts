import { ServingError } from '../core/errors.js';
import { messageTooLarge } from './retry-policy.js';

/** @throws ServingError RESOURCE_EXHAUSTED for a request of more bytes than there may be. */
export function assertSendable(request: Uint8Array, method: string, maxBytes: number): void {
  if (request.length <= maxBytes) return;
  const [actual, expected] = [`${request.length} bytes`, `at most ${maxBytes} bytes`];
  const message = `Cannot send a request to ${method}: it has ${actual}, expected ${expected}`;
  throw new ServingError('RESOURCE_EXHAUSTED', message, { actual, expected, reason: messageTooLarge });
}
