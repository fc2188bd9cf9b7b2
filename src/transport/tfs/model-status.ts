import { invalidArgument } from '../../core/errors.js';
import { decodeSmallMessage, tensorflow } from '../../wire/messages.js';
import type { VersionStatus } from '../serving-api.js';
import { codeNumbers } from '../status.js';
import type { Method, MethodParts } from './method.js';
import { versionOf } from './model-spec.js';
import { noSuchVersion, stateName, wantedVersions } from './wanted-versions.js';

const { GetModelStatusRequest, GetModelStatusResponse, ModelVersionStatus } = tensorflow.serving;
const { State } = ModelVersionStatus;

/** GetModelStatus. A label is not looked at. Source: TF Serving, model_servers/get_model_status_impl.cc. */
export function modelStatusMethod({ server }: MethodParts): Method {
  return async (bytes) => {
    const { model_spec: spec } = decodeSmallMessage('GetModelStatusRequest', GetModelStatusRequest, bytes);
    if (!spec) throw invalidArgument('Missing ModelSpec');
    const name = spec.name ?? '';
    const version = versionOf(spec, (text) => noSuchVersion(name, text));
    const wanted = wantedVersions(server, name, version);
    return GetModelStatusResponse.encode({ model_version_status: wanted.map(statusMessage) }).finish();
  };
}

function statusMessage({
  id,
  state,
  error,
}: VersionStatus): tensorflow.serving.ModelVersionStatus.$Properties {
  return {
    version: id.version as never,
    state: State[stateName(state)],
    status: { error_code: codeNumbers[error?.code ?? 'OK'], error_message: error?.message ?? '' },
  };
}
