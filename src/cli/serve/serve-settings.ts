import { parseBatchingParameters } from '../../config/batching-parameters.js';
import { parseMonitoringConfig } from '../../config/monitoring-config.js';
import type { DeviceName, ModelServerOptions } from '../../index.js';
import { asUsage, usageError } from '../command-error.js';
import type { Flag } from './flag.js';
import { foreignFlags } from './foreign-flags.js';
import { type ListenerSettings, listenerSettings } from './listener-settings.js';
import { modelSettings } from './model-settings.js';
import {
  type LogFormat,
  type LogLevel,
  logFormats,
  logLevels,
  parseServeConfig,
  type ServeConfig,
} from './serve-config.js';
import { type FlagValues, ownFlags } from './serve-flags.js';

/** What `servable serve` is to do. */
export interface ServeSettings extends ListenerSettings {
  readonly server: ModelServerOptions;
  readonly lameDuckMs: number;
  readonly drainGraceMs: number;
  readonly log: { readonly format: LogFormat; readonly level: LogLevel };
}

/** What is known beside the flags. */
export interface ServeInputs {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The texts of the files that flags name and that are read once. */
  readonly texts: FileTexts;
}

/** The flags whose files are read before anything is decided. */
export const readFlags = ['config', 'batching_parameters_file', 'monitoring_config_file'] as const;
export type FileTexts = { readonly [F in (typeof readFlags)[number]]?: string };

/**
 * What flags, `--config` and the environment come to.
 *
 * @throws CommandError saying what is wrong with them.
 */
export function serveSettings(flags: FlagValues, { env, texts }: ServeInputs): ServeSettings {
  const config = configOf(flags, texts);
  const batchingParameters = batchingParametersOf(flags, texts);
  const monitoring = asUsage(() =>
    texts.monitoring_config_file === undefined
      ? undefined
      : parseMonitoringConfig(texts.monitoring_config_file, { file: flags.monitoring_config_file ?? '' }),
  );
  const listeners = listenerSettings(flags, config, monitoring);
  const models = modelSettings(flags, { config, env, batchingParameters });
  const drainGraceMs = millis('drain_grace_seconds', flags, config.drainGraceMs);
  return {
    ...listeners,
    warnings: [...foreignWarnings(flags), ...modelWarnings(flags), ...listeners.warnings],
    server: {
      ...serverOptions(config),
      ...flagOptions(flags),
      ...(batchingParameters?.numBatchThreads && { numBatchThreads: batchingParameters.numBatchThreads }),
      ...models,
      drainGraceMs,
    },
    lameDuckMs: millis('lame_duck_seconds', flags, config.lameDuckMs),
    drainGraceMs,
    log: {
      format: oneOf('log_format', flags.log_format, logFormats) ?? config.log?.format ?? 'text',
      level: oneOf('log_level', flags.log_level, logLevels) ?? config.log?.level ?? 'info',
    },
  };
}

function configOf({ config: file = '' }: FlagValues, { config: text }: FileTexts): ServeConfig {
  return text === undefined ? {} : asUsage(() => parseServeConfig(text, file));
}

function batchingParametersOf(flags: FlagValues, { batching_parameters_file: text }: FileTexts) {
  if (text === undefined) return undefined;
  if (flags.enable_batching !== true) {
    throw usageError(
      'server_options.batching_parameters_file is set without setting server_options.enable_batching to true.',
    );
  }
  return asUsage(() => parseBatchingParameters(text, { file: flags.batching_parameters_file ?? '' }));
}

/** Of `--config`, what is a server's own. */
function serverOptions(config: ServeConfig): Partial<ModelServerOptions> {
  const { grpc, rest, lameDuckMs, log, models, configFile, ...options } = config;
  return options;
}

/** What flags say of a server, but for its models. */
function flagOptions(flags: FlagValues): Partial<ModelServerOptions> {
  const pollSeconds = flags.file_system_poll_wait_seconds;
  if (pollSeconds !== undefined && pollSeconds < 0) {
    throw usageError(
      `Cannot use --file_system_poll_wait_seconds ${pollSeconds}: no version would ever be found; expected 0 or more`,
    );
  }
  const interval = flags.load_retry_interval_micros;
  const { num_load_threads: loads = 0, num_unload_threads: unloads = 0 } = flags;
  return {
    ...(pollSeconds !== undefined && { pollIntervalMs: pollSeconds * 1000 }),
    ...(flags.max_num_load_retries !== undefined && { maxNumLoadRetries: flags.max_num_load_retries }),
    ...(interval !== undefined && { loadRetryIntervalMicros: Math.max(0, interval) }),
    ...(loads > 0 && { numLoadThreads: loads }),
    ...(unloads > 0 && { numUnloadThreads: unloads }),
    ...deviceOptions(flags),
    ...(flags.per_process_gpu_memory_fraction !== undefined && {
      gpuMemoryFraction: flags.per_process_gpu_memory_fraction,
    }),
  };
}

/** Names of devices are checked by the server. */
function deviceOptions({
  device,
  device_fallback,
}: FlagValues): Pick<ModelServerOptions, 'device' | 'fallback'> {
  const [only, ...others] = (device ?? '').split(',') as DeviceName[];
  const fallback = oneOf('device_fallback', device_fallback, ['fail', 'cpu']);
  return {
    ...(device !== undefined &&
      only !== undefined && { device: others.length === 0 ? only : [only, ...others] }),
    ...(fallback !== undefined && { fallback }),
  };
}

function foreignWarnings(flags: FlagValues): readonly string[] {
  const given: Readonly<Record<string, unknown>> = flags;
  return Object.entries<Flag>(foreignFlags)
    .filter(([name, { neutral }]) => given[name] !== undefined && given[name] !== neutral)
    .map(([name, { ignored }]) => `--${name} has no effect: ${ignored}`);
}

function modelWarnings(flags: FlagValues): readonly string[] {
  const perModel = 'enable_per_model_batching_parameters';
  const isAlone = flags[perModel] === true && flags.enable_batching !== true;
  return [
    ...(isAlone ? [`--${perModel} has no effect without --enable_batching`] : []),
    ...(flags.model_config_file ? ignoredBesideFile(flags) : []),
  ];
}

function ignoredBesideFile(flags: FlagValues): readonly string[] {
  return (['model_name', 'model_base_path'] as const)
    .filter((name) => flags[name] !== undefined)
    .map((name) => `--${name} has no effect: --model_config_file says what is served`);
}

function millis(
  name: 'lame_duck_seconds' | 'drain_grace_seconds',
  flags: FlagValues,
  configured: number | undefined,
): number {
  const seconds = flags[name];
  if (seconds !== undefined && seconds < 0) {
    throw usageError(`Cannot use --${name} ${seconds}: expected 0 or more`);
  }
  const byDefault = Number(ownFlags[name].default) * 1000;
  return seconds === undefined ? (configured ?? byDefault) : seconds * 1000;
}

function oneOf<T extends string>(
  name: string,
  value: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined || allowed.includes(value as T)) return value as T | undefined;
  throw usageError(`Cannot use --${name} "${value}": expected one of ${allowed.join(', ')}`);
}
