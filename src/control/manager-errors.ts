import { ServingError } from '../core/errors.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';

/** What requests reject with that had not ended when the time to drain was over. */
export function graceOver(held: readonly ServableId[]): ServingError {
  const names = held.map(formatServableId).join(', ');
  return new ServingError('UNAVAILABLE', `The server closed before a request to ${names} was answered`);
}

/**
 * What a change of models rejects with when some of them have no version to answer with, and why, where that is known. The
 * code and the words are TF Serving's (model_servers/server_core.cc, core/load_servables_fast.cc).
 */
export function noVersionAvailable(
  models: readonly { readonly name: string; readonly reason: ServingError | undefined }[],
): ServingError {
  const reasons = models.map(({ name, reason }) => {
    const version = reason?.id?.version === undefined ? '' : ` version: ${reason.id.version}`;
    const why = reason === undefined ? 'none' : `${reason.code}: ${reason.message}`;
    return `{name: ${name}${version}} due to error: ${why}}, `;
  });
  const cause = models.find(({ reason }) => reason !== undefined)?.reason;
  return new ServingError(
    'UNKNOWN',
    `${models.length} model(s) did not become available: {${reasons.join('')}}`,
    cause === undefined ? {} : { cause },
  );
}

/** What a change of models rejects with when a label's version did not become available. In TF Serving's words. */
export function labelNotAvailable(
  model: string,
  version: number,
  cause: ServingError | undefined,
): ServingError {
  return new ServingError(
    'FAILED_PRECONDITION',
    `Request to assign label to version ${version} of model ${model}, which is not currently available for inference`,
    { id: { model, version }, ...(cause && { cause }) },
  );
}
