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

/** Neither stack nor cause leaves the process. */
export function errorAnswer(error: unknown): RestAnswer {
  const { code, message } = ServingError.from(error);
  return failed(httpStatuses[code], message);
}

/** @param message half a character in it becomes an escape, as JSON.stringify does. */
export function failed(status: number, message: string): RestAnswer {
  return { status, body: JSON.stringify({ error: message }), type: jsonType };
}
