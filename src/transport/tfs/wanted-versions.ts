import { ServingError } from '../../core/errors.js';
import type { ServingApi, VersionStatus } from '../serving-api.js';

/**
 * What is told of a model's versions, or of the one that was asked for; a label is not looked at. Source: TF Serving,
 * model_servers/get_model_status_impl.cc.
 *
 * @throws ServingError NOT_FOUND where there are none.
 */
export function wantedVersions(
  server: ServingApi,
  model: string,
  version: number | undefined,
): readonly VersionStatus[] {
  const all = server.status(model);
  if (all.length === 0) throw new ServingError('NOT_FOUND', `Could not find any versions of model ${model}`);
  const wanted = version === undefined ? all : all.filter(({ id }) => id.version === version);
  if (wanted.length === 0) throw noSuchVersion(model, String(version));
  return wanted;
}

export function noSuchVersion(model: string, version: string): ServingError {
  return new ServingError('NOT_FOUND', `Could not find version ${version} of model ${model}`);
}

/** What TF Serving calls a state: DRAINING is ours, and counts as UNLOADING. */
export function stateName(state: VersionStatus['state']): Exclude<VersionStatus['state'], 'DRAINING'> {
  return state === 'DRAINING' ? 'UNLOADING' : state;
}
