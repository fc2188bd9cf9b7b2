import type { ServingError, StatusCode } from '../../core/errors.js';

/** Whose fault it is that a request failed, or what became of it. */
export type FailureReason = 'input' | 'rejected' | 'cancelled' | 'expired' | 'model';

const reasons: Readonly<Record<StatusCode, FailureReason>> = {
  CANCELLED: 'cancelled',
  UNKNOWN: 'model',
  INVALID_ARGUMENT: 'input',
  DEADLINE_EXCEEDED: 'expired',
  NOT_FOUND: 'input',
  ALREADY_EXISTS: 'input',
  PERMISSION_DENIED: 'input',
  RESOURCE_EXHAUSTED: 'rejected',
  FAILED_PRECONDITION: 'input',
  ABORTED: 'rejected',
  OUT_OF_RANGE: 'input',
  UNIMPLEMENTED: 'input',
  INTERNAL: 'model',
  UNAVAILABLE: 'rejected',
  DATA_LOSS: 'model',
  UNAUTHENTICATED: 'input',
};

export function failureReason({ code }: ServingError): FailureReason {
  return reasons[code];
}

/** Why a request was rejected: in the error's own word, where it has one. */
export function rejectionReason({ code, reason }: ServingError): string {
  return reason ?? (code === 'RESOURCE_EXHAUSTED' ? 'memory' : 'unavailable');
}
