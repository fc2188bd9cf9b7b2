import {
  assertKeys,
  assertNumber,
  assertObject,
  assertOneOf,
  assertString,
  optionError,
} from '../../core/option-check.js';
import type { GrpcServerOptions } from '../../grpc.js';
import type { HttpHandlerOptions } from '../../http.js';
import type { ModelDefaults, ModelServerOptions } from '../../index.js';
import { usageError } from '../command-error.js';

/** Options of a server that JSON has no words for. */
type InCode =
  | 'storage'
  | 'lifecycleObserver'
  | 'requestLogObserver'
  | 'batchingObserver'
  | 'logger'
  | 'clock'
  | 'nvidiaLibraries'
  | 'configFile';

/** Options of a listener that JSON has no words for. */
type ListenerInCode = 'onFailure' | 'clock';

type Listener<Options> = Omit<Options, ListenerInCode> & {
  /** `host:port` or `unix:/path`, one or several. */
  readonly addresses?: readonly string[];
};

/**
 * What a `--config` file says: the options of a `ModelServer`, and beside them those of the listeners, the stop and the log.
 * Where a flag says something too, the flag holds.
 */
export interface ServeConfig extends Omit<ModelServerOptions, InCode> {
  /** As in the options of a `ModelServer`; the path may come from `--model_config_file`. */
  readonly configFile?: {
    readonly path?: string;
    readonly pollIntervalMs?: number;
    readonly modelDefaults?: ModelDefaults;
  };
  /** False: none. */
  readonly grpc?: Listener<GrpcServerOptions> | false;
  /** False: none. */
  readonly rest?: Listener<HttpHandlerOptions> | false;
  readonly lameDuckMs?: number;
  readonly log?: { readonly format?: LogFormat; readonly level?: LogLevel };
}

export const logFormats = ['text', 'json'] as const;
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogFormat = (typeof logFormats)[number];
export type LogLevel = (typeof logLevels)[number];

/** Checked where they are used: by the server itself. */
const serverKeys = {
  models: true,
  pollIntervalMs: true,
  lookTimeoutMs: true,
  cacheDirectory: true,
  maxNumLoadRetries: true,
  loadRetryIntervalMicros: true,
  numBatchThreads: true,
  numLoadThreads: true,
  numUnloadThreads: true,
  memoryBudgetBytes: true,
  memoryLimitBytes: true,
  gpuMemoryFraction: true,
  allowGrowth: true,
  unloadGraceMs: true,
  drainGraceMs: true,
  endedRetentionMs: true,
  slowRequestMs: true,
  inlineRuns: true,
  maxInlineMicros: true,
  device: true,
  fallback: true,
  metrics: true,
} as const satisfies Record<Exclude<keyof ModelServerOptions, InCode>, true>;

const configKeys = [...Object.keys(serverKeys), 'configFile', 'grpc', 'rest', 'lameDuckMs', 'log'];

/**
 * Reads the text of a `--config` file.
 *
 * @throws CommandError for what is no JSON; ServingError INVALID_ARGUMENT naming the option. The options of the server and of
 *   the listeners are checked by themselves, later.
 */
export function parseServeConfig(text: string, file: string): ServeConfig {
  const config = parseJson(text, file);
  assertObject(config, file, 'an object');
  assertKeys(config, '', configKeys);
  const { configFile, grpc, rest, lameDuckMs = 0, log = {} } = config as ServeConfig;
  if (configFile !== undefined) {
    assertObject(configFile, 'configFile');
    assertKeys(configFile, 'configFile', ['path', 'pollIntervalMs', 'modelDefaults']);
  }
  checkListener(grpc, 'grpc');
  checkListener(rest, 'rest');
  assertNumber(lameDuckMs, 'lameDuckMs', { min: 0 });
  assertObject(log, 'log');
  assertKeys(log, 'log', ['format', 'level']);
  if (log.format !== undefined) assertOneOf(log.format, 'log.format', logFormats);
  if (log.level !== undefined) assertOneOf(log.level, 'log.level', logLevels);
  return config as ServeConfig;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw usageError(`Cannot read --config '${file}': it is no JSON: ${(cause as Error).message}`, cause);
  }
}

function checkListener(listener: unknown, name: string): void {
  if (listener === undefined || listener === false) return;
  assertObject(listener, name, 'an object, or false');
  const { addresses = [] } = listener as { readonly addresses?: unknown };
  if (!Array.isArray(addresses)) {
    throw optionError(`${name}.addresses`, addresses, 'an array of addresses');
  }
  for (const [index, address] of addresses.entries()) {
    assertString(address, `${name}.addresses[${index}]`);
  }
}
