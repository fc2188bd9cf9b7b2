import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchingObserver } from '../batching/batching-observer.js';
import type { LifecycleObserver } from '../control/lifecycle-observer.js';
import { type Clock, systemClock } from '../core/clock.js';
import { defined } from '../core/defined.js';
import {
  assertKeys,
  assertMethods,
  assertNumber,
  assertObject,
  assertOneOf,
  assertString,
  optionError,
} from '../core/option-check.js';
import type { Storage } from '../core/storage.js';
import type { Logger } from '../logging/logger.js';
import { checkMetricsOptions, type MetricsOptions } from '../metrics/metrics-options.js';
import type { RequestLogObserver } from '../request-log/request-log-observer.js';
import type { DeviceOptions } from '../runner/devices/device-options.js';
import type { EngineOptions } from '../runner/engine-options.js';
import { usableCpus } from '../runner/threads/cpu-quota.js';
import { RoutedStorage } from '../storage/routed-storage.js';
import type { WarmupReport } from '../warmup/warmup-loader.js';
import { type ConfigFileOptions, type ResolvedConfigFile, resolveConfigFile } from './config-file-options.js';
import { resolveDevice } from './device-check.js';
import { type ModelOptions, type ResolvedModelOptions, resolveModels } from './model-options.js';

/** What a {@link ModelServer} is made of. */
export interface ModelServerOptions extends EngineOptions, Pick<DeviceOptions, 'device' | 'fallback'> {
  /** What is served from the start on. Either this or `configFile`. */
  readonly models?: readonly ModelOptions[];
  /** Where what is served stands written. Either this or `models`. */
  readonly configFile?: ConfigFileOptions;
  /**
   * Milliseconds between two looks at the base paths. 0 looks once, at the start.
   *
   * @default 1000, as TF Serving's `--file_system_poll_wait_seconds`
   */
  readonly pollIntervalMs?: number;
  /**
   * Milliseconds after which a look into a base path that does not answer is reported; the others are not kept waiting.
   *
   * @default 10000
   */
  readonly lookTimeoutMs?: number;
  /**
   * Where base paths lie. What is not on the local disk is copied there before it is loaded.
   *
   * @default the local disk, `s3://` and `gs://`, the latter where their packages are installed
   */
  readonly storage?: Storage;
  /** Where these copies lie; several servers may share it. @default `servable` among the system's temporary files */
  readonly cacheDirectory?: string;
  /**
   * How often a load is tried again that failed for a reason that may pass: a lost thread, memory, a storage. What is
   * wrong with the files themselves is tried again when they change.
   *
   * @default 5, as TF Serving's `--max_num_load_retries`
   */
  readonly maxNumLoadRetries?: number;
  /** Microseconds between two attempts. @default 60000000, as TF Serving's `--load_retry_interval_micros` */
  readonly loadRetryIntervalMicros?: number;
  /** Versions that give their memory back at the same time. @default 2 */
  readonly numUnloadThreads?: number;
  /**
   * Bytes that loaded versions may hold together: estimated as 1.2 times their files, as TF Serving does, and measured
   * once they are loaded. A load that would not fit fails with RESOURCE_EXHAUSTED before it begins, and is taken up when
   * there is room.
   *
   * @default infinity
   */
  readonly memoryBudgetBytes?: number;
  /**
   * Milliseconds that requests to a version that is to go are given to end in; then they fail with UNAVAILABLE. TF Serving
   * waits for ever, and loads nothing meanwhile.
   *
   * @default 30000
   */
  readonly unloadGraceMs?: number;
  /**
   * Milliseconds that `close()` gives accepted requests to finish in; what is left then fails with UNAVAILABLE. 0 fails
   * them at once, infinity waits for as long as they take.
   *
   * @default 30000, the time that Kubernetes gives a pod by default
   */
  readonly drainGraceMs?: number;
  /** Milliseconds for which a version that has ended is still shown. @default 600000 @see StateMonitorOptions */
  readonly endedRetentionMs?: number;
  /** Is told what happens to models and versions: for metrics. */
  readonly lifecycleObserver?: LifecycleObserver & { onWarmup?(report: WarmupReport): void };
  /** Is told what becomes of sampled requests: for metrics. */
  readonly requestLogObserver?: RequestLogObserver;
  /** Is told what batching does: for metrics. */
  readonly batchingObserver?: BatchingObserver;
  /** Where metrics go. @default a registry of the server's own, `server.metrics` */
  readonly metrics?: MetricsOptions;
  /**
   * Is told what happens, in pino's shape: fields, then a message. @default nobody: the library writes nothing
   */
  readonly logger?: Logger;
  /**
   * Milliseconds from which on a request is slow: it is logged as a warning, with where the time went. 0 logs all of them.
   *
   * @default infinity
   */
  readonly slowRequestMs?: number;
  /** @internal Time, for tests. */
  readonly clock?: Clock;
}

/** @internal The options of a server, with every default filled in. */
export type ResolvedOptions = Defaults & {
  readonly models: readonly ResolvedModelOptions[];
  readonly configFile: ResolvedConfigFile | undefined;
  readonly logger: Logger | undefined;
};

/** What everything has but the models. */
type Defaults = Required<Omit<ModelServerOptions, 'models' | 'configFile' | 'logger' | 'nvidiaLibraries'>> &
  Pick<ModelServerOptions, 'nvidiaLibraries'>;

const atLeast0 = { min: 0 };
const forEver = { min: 0, isInfinityAllowed: true };
const count = { min: 0, isInteger: true };
const threads = { min: 1, isInteger: true };

/** What each number may be; its default is filled in below. */
const numbers = {
  pollIntervalMs: atLeast0,
  lookTimeoutMs: forEver,
  maxNumLoadRetries: count,
  loadRetryIntervalMicros: atLeast0,
  memoryBudgetBytes: forEver,
  unloadGraceMs: forEver,
  drainGraceMs: forEver,
  endedRetentionMs: forEver,
  maxInlineMicros: forEver,
  slowRequestMs: forEver,
  numBatchThreads: threads,
  numLoadThreads: threads,
  numUnloadThreads: threads,
  memoryLimitBytes: forEver,
  gpuMemoryFraction: { min: 0, max: 1 },
} as const;

const objects = [
  'storage',
  'lifecycleObserver',
  'requestLogObserver',
  'batchingObserver',
  'clock',
  'metrics',
] as const;

/**
 * @internal Checks what the user wrote and fills in the defaults, once.
 *
 * @throws ServingError INVALID_ARGUMENT naming the option, what came and what was wanted.
 */
export function resolveOptions(options: ModelServerOptions): ResolvedOptions {
  assertObject(options, 'options');
  assertKeys(options, '', [
    'models',
    'configFile',
    'cacheDirectory',
    'inlineRuns',
    'logger',
    'device',
    'fallback',
    'allowGrowth',
    'nvidiaLibraries',
    ...Object.keys(numbers),
    ...objects,
  ]);
  const given = defined(options);
  const resolved: Defaults & ModelServerOptions = { ...defaults(), ...given };
  for (const [name, range] of Object.entries(numbers)) {
    assertNumber(resolved[name as keyof typeof numbers], name, range);
  }
  for (const name of objects) assertObject(resolved[name], name);
  assertString(resolved.cacheDirectory, 'cacheDirectory');
  assertOneOf(resolved.inlineRuns, 'inlineRuns', ['auto', 'off', 'on']);
  assertOneOf(resolved.allowGrowth, 'allowGrowth', [true, false]);
  resolveDevice({ device: resolved.device, fallback: resolved.fallback }, '');
  checkMetricsOptions(resolved.metrics);
  assertLogger(options.logger);
  return { ...resolved, logger: options.logger, ...resolveModelsOrFile(options) };
}

function resolveModelsOrFile({ models, configFile }: ModelServerOptions) {
  if (configFile === undefined) return { models: resolveModels(models as never), configFile };
  if (models === undefined) return { models: [], configFile: resolveConfigFile(configFile) };
  throw optionError('configFile', configFile, 'either models or configFile');
}

function assertLogger(logger: Logger | undefined): void {
  if (logger !== undefined) assertMethods(logger, 'logger', ['debug', 'info', 'warn', 'error']);
}

function defaults(): Defaults {
  const cpus = usableCpus();
  return {
    pollIntervalMs: 1000,
    lookTimeoutMs: 10_000,
    storage: new RoutedStorage(),
    cacheDirectory: join(tmpdir(), 'servable'),
    maxNumLoadRetries: 5,
    loadRetryIntervalMicros: 60_000_000,
    memoryBudgetBytes: Number.POSITIVE_INFINITY,
    unloadGraceMs: 30_000,
    drainGraceMs: 30_000,
    endedRetentionMs: 600_000,
    maxInlineMicros: 1000,
    inlineRuns: 'auto',
    numBatchThreads: cpus,
    numLoadThreads: Math.min(2, cpus),
    numUnloadThreads: 2,
    lifecycleObserver: {},
    requestLogObserver: {},
    batchingObserver: {},
    metrics: {},
    slowRequestMs: Number.POSITIVE_INFINITY,
    device: 'cpu',
    fallback: 'fail',
    memoryLimitBytes: Number.POSITIVE_INFINITY,
    gpuMemoryFraction: 0,
    allowGrowth: true,
    clock: systemClock,
  };
}
