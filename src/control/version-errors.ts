import { ServingError } from '../core/errors.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';

/** What requests reject with that had not ended when the time to drain was over. */
export function unloaded(id: ServableId, graceMs: number): ServingError {
  return new ServingError(
    'UNAVAILABLE',
    `${formatServableId(id)} was unloaded before the request was answered: it did not end within ${graceMs} ms`,
    { id },
  );
}

/** What is odd about a version that is served with other files than those that lie there now. */
export function outdated(id: ServableId): ServingError {
  return new ServingError(
    'FAILED_PRECONDITION',
    `${formatServableId(id)} is served as it was loaded: its files have changed since`,
    { id },
  );
}

/** The same, where these others have been tried. */
export function notReplaced(id: ServableId, cause: ServingError): ServingError {
  return new ServingError(
    cause.code,
    `${formatServableId(id)} is served as it was, since what is to take its place cannot be loaded: ${cause.message}`,
    { id, cause },
  );
}
