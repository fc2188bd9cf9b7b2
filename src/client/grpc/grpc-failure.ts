import type { ServiceError } from '@grpc/grpc-js';
import { ServingError } from '../../core/errors.js';
import { codeOf } from '../../transport/status.js';
import { messageTooLarge } from '../retry-policy.js';

/**
 * How a call over gRPC failed, in our words; the text is the server's.
 *
 * @param isAborted whether it was ended from this side. A call that nobody here has ended was ended by a server that goes
 *   away, which is UNAVAILABLE.
 */
export function grpcFailure(
  { code, details }: ServiceError,
  address: string,
  isAborted: boolean,
): ServingError {
  const name = codeOf(code);
  if (name === 'CANCELLED' && !isAborted) {
    return new ServingError('UNAVAILABLE', `The server ${address} ended the call: ${details}`);
  }
  if (name === 'OK') return new ServingError('INTERNAL', `The server ${address} did not answer: ${details}`);
  const message = details === '' ? `The server ${address} answered ${name}` : details;
  const isTooLarge = name === 'RESOURCE_EXHAUSTED' && /message larger than max/i.test(details);
  return new ServingError(name, message, isTooLarge ? { reason: messageTooLarge } : {});
}
