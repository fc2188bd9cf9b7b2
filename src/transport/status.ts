import { ServingError, type StatusCode } from '../core/errors.js';

/** The numbers of the canonical codes on gRPC's wire, and in a StatusProto. Source: gRPC, doc/statuscodes.md. */
export const codeNumbers: Readonly<Record<StatusCode | 'OK', number>> = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
};

const codesByNumber = new Map(Object.entries(codeNumbers).map(([code, number]) => [number, code]));

/** The code of a number; UNKNOWN for one that there is not, as gRPC has it. */
export function codeOf(number: number): StatusCode | 'OK' {
  return (codesByNumber.get(number) ?? 'UNKNOWN') as StatusCode | 'OK';
}

/** A longer message is cut, as it travels in the headers. Source: TF Serving, model_servers/grpc_status_util.cc. */
const maxMessageBytes = 1024;
const truncated = '...TRUNCATED';

/** How a call over gRPC ended that failed. Neither stack nor cause leaves the process. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
}

export function grpcStatusOf(error: unknown): GrpcStatus {
  const { code, message } = ServingError.from(error);
  return { code: codeNumbers[code], details: truncate(wellFormed(message)) };
}

/** Half a character, such as a name may have that was cut, has no bytes: grpc-js would throw where nobody can catch it. */
function wellFormed(message: string): string {
  return message.replace(/\p{Surrogate}/gu, '\ufffd');
}

function truncate(message: string): string {
  if (message.length * 3 <= maxMessageBytes) return message; // no character has more than 3 bytes a unit
  const bytes = Buffer.from(message, 'utf8');
  if (bytes.length <= maxMessageBytes) return message;
  let end = maxMessageBytes;
  while (((bytes[end] as number) & 0xc0) === 0x80) end--; // not within a character
  return `${bytes.toString('utf8', 0, end)}${truncated}`;
}
