import type { ConfiguredLogging, ConfiguredModel } from '../config/configured-model.js';
import type { ModelDefaults } from '../options/config-file-options.js';
import { type ModelOptions, type ResolvedModelOptions, resolveModels } from '../options/model-options.js';
import type { RequestLogConfig } from '../request-log/request-log-config.js';

/** Makes a model's options of what a config says of it, and of what no config can say. */
export class ConfiguredModels {
  readonly #modelDefaults: ModelDefaults;
  readonly #served: (name: string) => ResolvedModelOptions | undefined;

  /** @param served a model's options as they are now, which stay as far as a config does not say otherwise. */
  constructor(modelDefaults: ModelDefaults, served: (name: string) => ResolvedModelOptions | undefined) {
    this.#modelDefaults = modelDefaults;
    this.#served = served;
  }

  /** @throws ServingError INVALID_ARGUMENT naming the option. */
  resolve(models: readonly ConfiguredModel[]): readonly ResolvedModelOptions[] {
    return resolveModels(models.map((model) => this.#toOptions(model)));
  }

  #toOptions({ name, basePath, versionPolicy, labels, logging }: ConfiguredModel): ModelOptions {
    // A config says where a model lies, so that a source of the host's is none of it any more.
    const { source: _, ...defaults }: ModelDefaults & { readonly source?: unknown } =
      this.#served(name) ?? this.#modelDefaults;
    const requestLog = logging ? toRequestLog(logging, defaults.requestLog || {}) : false;
    return { ...defaults, name, basePath, versionPolicy, labels, requestLog };
  }
}

/**
 * What a config says of a log, with what it cannot say. Its `type` names a collector that a build of TF Serving may have;
 * here there is one, files, unless the host has a collector of its own.
 */
function toRequestLog(
  { filenamePrefix, samplingRate }: ConfiguredLogging,
  defaults: RequestLogConfig,
): RequestLogConfig {
  return { ...defaults, samplingRate, ...(filenamePrefix !== '' && { filenamePrefix }) };
}
