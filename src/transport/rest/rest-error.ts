import { ServingError, type StatusCode } from '../../core/errors.js';
import { jsonType, type RestAnswer } from './rest-answer.js';

/** Source: TF Serving, model_servers/http_server.cc, `ToHTTPStatusCode`; 499 is nginx's "client closed request". */
export const httpStatuses: Readonly<Record<StatusCode, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** What each status stands for where several codes have it, and what those mean that come from what is in front of a server. */
const codesByStatus: ReadonlyMap<number, StatusCode> = new Map<number, StatusCode>([
  ...Object.entries(httpStatuses).map(([code, status]) => [status, code as StatusCode] as const),
  [400, 'INVALID_ARGUMENT'],
  [408, 'DEADLINE_EXCEEDED'],
  [409, 'ABORTED'],
  [413, 'RESOURCE_EXHAUSTED'],
  [500, 'INTERNAL'],
  [502, 'UNAVAILABLE'],
]);

/** The code that an HTTP status stands for; of 400, 409 and 500, which several codes share, the commonest. */
export function codeOfHttpStatus(status: number): StatusCode {
  const code = codesByStatus.get(status);
  if (code !== undefined) return code;
  if (status >= 500) return 'INTERNAL';
  return status >= 400 ? 'INVALID_ARGUMENT' : 'UNKNOWN';
}

/** Neither stack nor cause leaves the process. */
export function errorAnswer(error: unknown): RestAnswer {
  const { code, message } = ServingError.from(error);
  return failed(httpStatuses[code], message);
}

/** @param message half a character in it becomes an escape, as JSON.stringify does. */
export function failed(status: number, message: string): RestAnswer {
  return { status, body: JSON.stringify({ error: message }), type: jsonType };
}
