import { join } from 'node:path';
import type { BatchingParameters } from '../../config/batching-parameters.js';
import type { ModelDefaults, ModelOptions, ModelServerOptions } from '../../index.js';
import { usageError } from '../command-error.js';
import type { ServeConfig } from './serve-config.js';
import type { FlagValues } from './serve-flags.js';

/** Which models are served, and where that is written. */
export type ModelSettings = Pick<ModelServerOptions, 'models' | 'configFile'>;

/** Where settings come from, beside flags. */
export interface ModelSources {
  readonly config: ServeConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What `--batching_parameters_file` says. */
  readonly batchingParameters: BatchingParameters | undefined;
}

/**
 * What is served: a config file's models, those of `--config`, the one of `--model_base_path`, or the one that the environment
 * names as it does for TF Serving's image; in this order. What flags say of models holds for those that do not say otherwise.
 *
 * @throws CommandError where nothing says what is to be served, or two do.
 */
export function modelSettings(flags: FlagValues, sources: ModelSources): ModelSettings {
  const defaults = modelDefaults(flags, sources.batchingParameters);
  const { config } = sources;
  const path = flags.model_config_file || config.configFile?.path;
  if (path) {
    if (config.models !== undefined) throw usageError(twoSources(config, '--model_config_file'));
    const seconds = flags.model_config_file_poll_wait_seconds;
    return {
      configFile: {
        ...config.configFile,
        path,
        ...(seconds !== undefined && { pollIntervalMs: Math.max(0, seconds) * 1000 }),
        modelDefaults: withDefaults(config.configFile?.modelDefaults ?? {}, defaults),
      },
    };
  }
  const named = namedModel(flags, sources.env);
  if (config.models !== undefined) {
    if (flags.model_base_path) throw usageError(twoSources(config, '--model_base_path'));
    const { models } = config;
    // What is no array is refused, in its own words, by the server.
    return { models: Array.isArray(models) ? models.map((model) => withDefaults(model, defaults)) : models };
  }
  if (named !== undefined) return { models: [{ ...defaults, ...named }] };
  throw usageError(
    'Both server_options.model_base_path and server_options.model_config_file are empty! ' +
      'Expected --model_base_path, --model_config_file, or models in --config',
  );
}

function twoSources({ models }: ServeConfig, flag: string): string {
  const what = models === undefined ? 'a config file' : 'models';
  return `Cannot serve ${what} of --config beside ${flag}: expected one of the two`;
}

/** As TF Serving's image has it: MODEL_NAME, and MODEL_BASE_PATH, in which the model lies by its name. */
function namedModel(
  { model_name, model_base_path }: FlagValues,
  { MODEL_NAME, MODEL_BASE_PATH }: ModelSources['env'],
): Pick<ModelOptions, 'name' | 'basePath'> | undefined {
  if (model_base_path) return { name: model_name || MODEL_NAME || 'default', basePath: model_base_path };
  if (!MODEL_NAME && !MODEL_BASE_PATH) return undefined;
  const folder = MODEL_BASE_PATH || '/models';
  const leaf = MODEL_NAME || model_name || 'model';
  const basePath = folder.includes('://') ? `${folder.replace(/\/+$/, '')}/${leaf}` : join(folder, leaf);
  return { name: model_name || leaf, basePath };
}

/** What the flags say of all models. */
function modelDefaults(flags: FlagValues, parameters: BatchingParameters | undefined): ModelDefaults {
  const iterations = flags.num_request_iterations_for_warmup ?? 0;
  const session = sessionDefaults(flags);
  return {
    ...(flags.enable_batching !== undefined && { batching: batchingDefaults(flags, parameters) }),
    ...(flags.enable_model_warmup !== undefined && {
      warmup: flags.enable_model_warmup ? ('file' as const) : ('off' as const),
    }),
    ...(iterations > 0 && { numRequestIterations: iterations }),
    ...(session && { session }),
  };
}

function batchingDefaults(
  { enable_batching, enable_per_model_batching_parameters: isPerModel }: FlagValues,
  parameters: BatchingParameters | undefined,
): NonNullable<ModelDefaults['batching']> {
  if (enable_batching !== true) return false;
  return isPerModel === true ? 'file' : { ...parameters?.batching };
}

/** @throws CommandError for all three at once, as TF Serving. */
function sessionDefaults(flags: FlagValues): ModelDefaults['session'] {
  const both = flags.tensorflow_session_parallelism ?? 0;
  const intra = flags.tensorflow_intra_op_parallelism ?? 0;
  const inter = flags.tensorflow_inter_op_parallelism ?? 0;
  if (both > 0 && intra > 0 && inter > 0) {
    throw usageError(
      'Cannot use --tensorflow_session_parallelism beside --tensorflow_intra_op_parallelism and ' +
        '--tensorflow_inter_op_parallelism: it stands for both',
    );
  }
  const [intraOpNumThreads, interOpNumThreads] = [intra || both, inter || both];
  if (intraOpNumThreads <= 0 && interOpNumThreads <= 0) return undefined;
  return {
    ...(intraOpNumThreads > 0 && { intraOpNumThreads }),
    ...(interOpNumThreads > 1 && { interOpNumThreads, executionMode: 'parallel' as const }),
  };
}

/** A model with what it does not say filled in; of its session, each option by itself. */
function withDefaults<T extends ModelDefaults>(model: T, defaults: ModelDefaults): T {
  if (typeof model !== 'object' || model === null) return model;
  const session = { ...defaults.session, ...model.session };
  return { ...defaults, ...model, ...(Object.keys(session).length > 0 && { session }) };
}
