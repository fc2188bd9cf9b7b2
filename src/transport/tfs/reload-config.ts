import type { ModelServerConfigMessage } from '../../config/model-config-message.js';
import { modelsOf } from '../../config/models-of.js';
import { invalidArgument } from '../../core/errors.js';
import { decodeSmallMessage, tensorflow } from '../../wire/messages.js';
import type { Method, MethodParts } from './method.js';

const { ReloadConfigRequest, ReloadConfigResponse } = tensorflow.serving;

/**
 * HandleReloadConfigRequest: the models of the request are served from now on, and no others. Answered when each of them
 * has a version, and each label is where it belongs; with what the counters that the request names have risen by meanwhile,
 * all series of each together (TF Serving takes whichever comes first).
 *
 * Source of the texts: TF Serving, model_servers/model_service_impl.cc and server_core.cc.
 */
export function reloadConfigMethod({ server }: MethodParts): Method {
  return async (bytes) => {
    const request = decodeSmallMessage('ReloadConfigRequest', ReloadConfigRequest, bytes);
    const { config, metric_names: names } = request;
    if (!config?.model_config_list) throw notAList();
    const total = (name: string) => server.metrics?.total(name) ?? 0;
    const before = new Map(names.map((name) => [name, total(name)]));
    await server.reloadConfig(modelsOf(config as ModelServerConfigMessage, 'ReloadConfigRequest'));
    const metric = [...before].map(([name, value]) => ({
      name,
      int64_value_increase: (total(name) - value) as never,
    }));
    return ReloadConfigResponse.encode({ status: {}, metric }).finish();
  };
}

function notAList(): Error {
  return invalidArgument(
    'ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported',
  );
}
