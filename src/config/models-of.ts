import type { ServingError } from '../core/errors.js';
import { checkModels, platformOf } from './check-models.js';
import { unusableConfig } from './config-fault.js';
import { toSafeInteger } from './config-integer.js';
import { loggingOf } from './config-logging.js';
import { versionPolicyOf } from './config-policy.js';
import type { ConfiguredModel, ModelServerConfig } from './configured-model.js';
import type { ModelConfigMessage, ModelServerConfigMessage } from './model-config-message.js';

/**
 * Checks a ModelServerConfig that has been read, from a file or a ReloadConfigRequest, and makes plain data of it.
 *
 * @param file where it comes from, for errors.
 * @throws ServingError INVALID_ARGUMENT as {@link parseModelConfig} does.
 */
export function modelsOf(message: ModelServerConfigMessage, file: string): ModelServerConfig {
  if (message.custom_model_config) {
    const what = 'custom_model_config is not supported; only model_config_list is';
    throw unusableConfig(file, 'custom_model_config', what);
  }
  if (!message.model_config_list) return { noAction: true };
  const list = message.model_config_list.config ?? [];
  for (const [index, { name = '' }] of list.entries()) {
    if (name !== '') continue;
    throw unusableConfig(file, `${pathOf(index)}.name`, `model ${index + 1} of its list has no name`);
  }
  checkModels(list, pathOf);
  return { models: list.map((model, index) => modelOf(model, pathOf(index), file)) };
}

function modelOf(message: ModelConfigMessage, path: string, file: string): ConfiguredModel {
  const { name = '', base_path: basePath = '', logging_config: logging } = message;
  const refuse = (field: string, what: string) =>
    unusableConfig(file, `${path}.${field}`, `model ${name}, ${what}`);
  return {
    name,
    basePath,
    platform: platformOf(message, path),
    versionPolicy: versionPolicyOf(message.model_version_policy, (what) =>
      refuse('model_version_policy', what),
    ),
    labels: labelsOf(message, (what) => refuse('version_labels', what)),
    ...(logging && {
      logging: loggingOf(logging, (field, what) => refuse(`logging_config.${field}`, what)),
    }),
  };
}

function labelsOf(
  { version_labels: labels = {} }: ModelConfigMessage,
  refuse: (what: string) => ServingError,
): Readonly<Record<string, number>> {
  const entries = Object.entries(labels).map(([label, version]) => {
    if (label === '') throw refuse('a version label is empty, expected a name');
    const refuseVersion = (what: string) => refuse(`label ${JSON.stringify(label)}: ${what}`);
    return [label, toSafeInteger(version, 0, refuseVersion)] as const;
  });
  return Object.fromEntries(entries);
}

function pathOf(index: number): string {
  return `model_config_list.config[${index}]`;
}
