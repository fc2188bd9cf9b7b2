import { isAbsolute } from 'node:path';
import { invalidArgument } from '../core/errors.js';
import type { ConfiguredPlatform } from './configured-model.js';
import type { ModelConfigMessage } from './model-config-message.js';

const tensorflowType = 1;
const platforms: readonly string[] = ['tensorflow', 'onnx'] satisfies readonly ConfiguredPlatform[];

/**
 * @internal TF Serving's checks of a list of models, in its order and its words (model_servers/server_core.cc,
 * `ValidateModelConfigList`).
 *
 * @throws ServingError INVALID_ARGUMENT where a model is listed twice, or its base path is relative.
 */
export function checkModels(models: readonly ModelConfigMessage[], pathOf: (index: number) => string): void {
  const names = new Set<string>();
  for (const [index, { name = '' }] of models.entries()) {
    const option = `${pathOf(index)}.name`;
    if (names.has(name))
      throw invalidArgument(`Illegal to list model ${name} multiple times in config list`, { option });
    names.add(name);
  }
  for (const [index, { name = '', base_path: basePath = '' }] of models.entries()) {
    if (isAbsolutePathOrUri(basePath)) continue;
    throw invalidArgument(
      `Expected model ${name} to have an absolute path or URI; got base_path()=${basePath}`,
      {
        option: `${pathOf(index)}.base_path`,
        actual: basePath,
        expected: 'an absolute path or URI',
      },
    );
  }
}

/**
 * @internal What a model is made for. In TF Serving's words (model_servers/server_core.cc, `GetPlatform`).
 *
 * @throws ServingError INVALID_ARGUMENT where it says so twice, not at all, or names something else.
 */
export function platformOf(model: ModelConfigMessage, path: string): ConfiguredPlatform {
  const { name = '', model_type: type = 0, model_platform: platform = '' } = model;
  const both = 'ModelServerConfig::model_type (deprecated)';
  if (type !== 0 && platform !== '') {
    throw invalidArgument(
      `Illegal setting both ${both} and ModelServerConfig::model_platform, model name is ${name}`,
      { option: `${path}.model_type` },
    );
  }
  if (type === 0 && platform === '') {
    throw invalidArgument(
      `Illegal setting neither ${both} nor ModelServerConfig::model_platform, model name is ${name}`,
      { option: `${path}.model_platform` },
    );
  }
  if (type === tensorflowType) return 'tensorflow';
  if (type !== 0) {
    const option = `${path}.model_type`;
    throw invalidArgument(`ModelServerConfig::model_type choice ${type} not supported.`, { option });
  }
  if (isPlatform(platform)) return platform;
  throw invalidArgument(`Model ${name} requests unsupported platform ${platform}`, {
    option: `${path}.model_platform`,
    actual: platform,
    expected: platforms.join(' or '),
  });
}

function isPlatform(text: string): text is ConfiguredPlatform {
  return platforms.includes(text);
}

/** A path that begins with a slash is absolute on every system, as the servers that files are written for run on Linux. */
function isAbsolutePathOrUri(path: string): boolean {
  return path.startsWith('/') || isAbsolute(path) || /^[a-z][a-z0-9.]*:\/\//i.test(path);
}
