import { assertKeys, assertNumber, assertObject, assertString } from '../core/option-check.js';
import { type ModelSettings, resolveModel } from './model-options.js';

/** What a config file cannot say of a model, for all that it names. */
export type ModelDefaults = Omit<ModelSettings, 'name' | 'labels'>;

/** Where the models come from, instead of from code. */
export interface ConfigFileOptions {
  /**
   * A file with TF Serving's `ModelServerConfig`, as protobuf text or as JSON; TF Serving's `--model_config_file`. Relative
   * to the working directory.
   */
  readonly path: string;
  /**
   * Milliseconds from one look at the file to the next; a change of its content is a `reconfigure`. 0 reads it once.
   *
   * @default 0, as TF Serving's `--model_config_file_poll_wait_seconds`
   */
  readonly pollIntervalMs?: number;
  /** @default {} */
  readonly modelDefaults?: ModelDefaults;
}

/** @internal */
export type ResolvedConfigFile = Required<ConfigFileOptions>;

/** @internal @throws ServingError INVALID_ARGUMENT naming the option. */
export function resolveConfigFile(file: ConfigFileOptions): ResolvedConfigFile {
  assertObject(file, 'configFile');
  assertKeys(file, 'configFile', ['path', 'pollIntervalMs', 'modelDefaults']);
  const { path, pollIntervalMs = 0, modelDefaults = {} } = file;
  assertString(path, 'configFile.path');
  assertNumber(pollIntervalMs, 'configFile.pollIntervalMs', { min: 0 });
  assertObject(modelDefaults, 'configFile.modelDefaults');
  resolveModel({ ...modelDefaults, name: 'any', basePath: '/any' }, 'configFile.modelDefaults');
  return { path, pollIntervalMs, modelDefaults: { ...modelDefaults } };
}
