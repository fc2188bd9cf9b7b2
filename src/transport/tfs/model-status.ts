import { invalidArgument, ServingError } from '../../core/errors.js';
import { decodeSmallMessage, tensorflow } from '../../wire/messages.js';
import type { VersionStatus } from '../serving-api.js';
import { codeNumbers } from '../status.js';
import type { Method, MethodParts } from './method.js';
import { versionOf } from './model-spec.js';

const { GetModelStatusRequest, GetModelStatusResponse, ModelVersionStatus } = tensorflow.serving;
const { State } = ModelVersionStatus;

/** DRAINING is ours; TF Serving counts it as UNLOADING. */
const states: Readonly<Record<VersionStatus['state'], tensorflow.serving.ModelVersionStatus.State>> = {
  START: State.START,
  LOADING: State.LOADING,
  AVAILABLE: State.AVAILABLE,
  DRAINING: State.UNLOADING,
  UNLOADING: State.UNLOADING,
  END: State.END,
};

/** GetModelStatus. A label is not looked at. Source: TF Serving, model_servers/get_model_status_impl.cc. */
export function modelStatusMethod({ server }: MethodParts): Method {
  return async (bytes) => {
    const { model_spec: spec } = decodeSmallMessage('GetModelStatusRequest', GetModelStatusRequest, bytes);
    if (!spec) throw invalidArgument('Missing ModelSpec');
    const name = spec.name ?? '';
    const all = server.status(name);
    if (all.length === 0) throw notFound(`Could not find any versions of model ${name}`);
    const noSuchVersion = (version: string) => notFound(`Could not find version ${version} of model ${name}`);
    const version = versionOf(spec, noSuchVersion);
    const wanted = version === undefined ? all : all.filter(({ id }) => id.version === version);
    if (wanted.length === 0) throw noSuchVersion(String(version));
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
    state: states[state],
    status: { error_code: codeNumbers[error?.code ?? 'OK'], error_message: error?.message ?? '' },
  };
}

function notFound(message: string): ServingError {
  return new ServingError('NOT_FOUND', message);
}
