import { ConfigFile } from '../config/config-file.js';
import type { ModelServerConfig } from '../config/configured-model.js';
import { parseModelConfig } from '../config/model-config.js';
import type { Clock } from '../core/clock.js';
import type { ServingError } from '../core/errors.js';
import type { ResolvedConfigFile } from '../options/config-file-options.js';
import type { ResolvedModelOptions } from '../options/model-options.js';
import type { ConfiguredModels } from './configured-models.js';
import type { ServedModels } from './served-models.js';

/** What became of a config file that was read. */
export type ConfigReport =
  /** Its models are what is wanted from now on; those that cannot be served are told of by an error of their own. */
  | { readonly path: string; readonly models: readonly string[] }
  /** It could not be read, is not a config, or asks for a model or a label that did not become available. */
  | { readonly path: string; readonly error: ServingError };

export interface ModelConfigFileOptions extends ResolvedConfigFile {
  readonly served: ServedModels;
  readonly configured: ConfiguredModels;
  readonly clock: Clock;
  readonly onConfig: (report: ConfigReport) => void;
}

/** The config file of a server: read at its start, and followed if that is wished for. */
export class ModelConfigFile {
  readonly #options: ModelConfigFileOptions;
  readonly #file: ConfigFile<ModelServerConfig>;

  constructor(options: ModelConfigFileOptions) {
    const { path, pollIntervalMs, clock, onConfig } = options;
    this.#options = options;
    this.#file = new ConfigFile({
      path,
      pollIntervalMs,
      clock,
      parse: (text) => parseModelConfig(text, { file: path }),
      onConfig: (config) => this.#apply(config),
      onFailure: (error) => onConfig({ path, error }),
    });
  }

  /** @throws ServingError where it cannot be read, or is no config. */
  async read(): Promise<void> {
    const models = this.#modelsOf(await this.#file.read());
    if (models !== undefined) this.#options.served.begin(models);
  }

  /** Follows it from now on. */
  async follow(): Promise<void> {
    await this.#file.start();
  }

  close(): void {
    this.#file.close();
  }

  async #apply(config: ModelServerConfig): Promise<void> {
    const models = this.#modelsOf(config);
    if (models === undefined) return;
    await this.#options.served.change(models);
    this.#options.onConfig({ path: this.#options.path, models: models.map(({ name }) => name) });
  }

  /** Undefined where the file asks for nothing to be done. */
  #modelsOf(config: ModelServerConfig): readonly ResolvedModelOptions[] | undefined {
    if ('noAction' in config) return undefined;
    return this.#options.configured.resolve(config.models);
  }
}
