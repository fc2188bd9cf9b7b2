import type { ModelServerConfigMessage } from '../../config/model-config-message.js';
import { modelsOf } from '../../config/models-of.js';
import { invalidArgument } from '../../core/errors.js';
import { decodeSmallMessage, tensorflow } from '../../wire/messages.js';
import type { Method, MethodParts } from './method.js';

const { ReloadConfigRequest, ReloadConfigResponse } = tensorflow.serving;

/**
 * HandleReloadConfigRequest: the models of the request are served from now on, and no others. Answered when each of them
 * has a version, and each label is where it belongs.
 *
 * Source of the texts: TF Serving, model_servers/model_service_impl.cc and server_core.cc.
 */
export function reloadConfigMethod({ server }: MethodParts): Method {
  return async (bytes) => {
    const { config } = decodeSmallMessage('ReloadConfigRequest', ReloadConfigRequest, bytes);
    if (!config?.model_config_list) throw notAList();
    await server.reloadConfig(modelsOf(config as ModelServerConfigMessage, 'ReloadConfigRequest'));
    return ReloadConfigResponse.encode({ status: {} }).finish();
  };
}

function notAList(): Error {
  return invalidArgument(
    'ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported',
  );
}
