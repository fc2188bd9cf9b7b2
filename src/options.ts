import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { BatchingObserver } from './batching/batching-observer.js';
import { type BatchingOptions, resolveBatching } from './batching/batching-options.js';
import type { TransitionPolicy } from './control/transition-policy.js';
import type { VersionPolicy } from './control/version-policy.js';
import { type Clock, systemClock } from './core/clock.js';
import {
  assertKeys,
  assertNumber,
  assertObject,
  assertOneOf,
  assertString,
  optionError,
} from './core/option-check.js';
import type { EngineOptions } from './runner/engine.js';
import type { ProviderOptions, SessionOptions } from './runner/session-options.js';
import { usableCpus } from './runner/threads/cpu-quota.js';

/** One model and where its versions are. */
export interface ModelOptions {
  /** What requests call it. Unique in the server, not empty. */
  readonly name: string;
  /** The folder of its version directories, `<basePath>/<version>/model.onnx`; relative to the working directory. */
  readonly basePath: string;
  /**
   * Which of the versions found are served: the highest `latest`, exactly the `specific` ones, or `'all'`.
   *
   * @default { latest: 1 }
   */
  readonly versionPolicy?: VersionPolicy;
  /**
   * What comes first when versions change: `'availability-preserving'` loads the new one before it unloads the old
   * one, `'resource-preserving'` the other way round, which needs memory for one of them only.
   *
   * @default 'availability-preserving'
   */
  readonly transitionPolicy?: TransitionPolicy;
  /** How onnxruntime builds and runs the model. */
  readonly session?: SessionOptions;
  /**
   * How its requests share runs.
   *
   * @default false: each request runs alone
   */
  readonly batching?: BatchingOptions | false;
}

/** What a {@link ModelServer} is made of. */
export interface ModelServerOptions extends EngineOptions {
  readonly models: readonly ModelOptions[];
  /**
   * Milliseconds between two looks at the base paths. 0 looks once, at the start.
   *
   * @default 1000, as TF Serving's `--file_system_poll_wait_seconds`
   */
  readonly pollIntervalMs?: number;
  /**
   * Milliseconds that `close()` gives accepted requests to finish in; what is left then fails with UNAVAILABLE. 0 fails
   * them at once, infinity waits for as long as they take.
   *
   * @default 30000, the time that Kubernetes gives a pod by default
   */
  readonly drainGraceMs?: number;
  /** Is told what batching does: for metrics. */
  readonly batchingObserver?: BatchingObserver;
  /** @internal Time, for tests. */
  readonly clock?: Clock;
}

/** @internal A model's options, with every default filled in. */
export type ResolvedModelOptions = Required<ModelOptions>;

/** @internal The options of a server, with every default filled in. */
export type ResolvedOptions = Required<Omit<ModelServerOptions, 'models'>> & {
  readonly models: readonly ResolvedModelOptions[];
};

const serverKeys = [
  'models',
  'pollIntervalMs',
  'drainGraceMs',
  'numBatchThreads',
  'numLoadThreads',
  'inlineRuns',
  'maxInlineMicros',
  'batchingObserver',
  'clock',
];
const modelKeys = ['name', 'basePath', 'versionPolicy', 'transitionPolicy', 'session', 'batching'];

/**
 * @internal Checks what the user wrote and fills in the defaults, once.
 *
 * @throws ServingError INVALID_ARGUMENT naming the option, what came and what was wanted.
 */
export function resolveOptions(options: ModelServerOptions): ResolvedOptions {
  assertObject(options, 'options');
  assertKeys(options, '', serverKeys);
  const cpus = usableCpus();
  const {
    pollIntervalMs = 1000,
    drainGraceMs = 30_000,
    maxInlineMicros = 1000,
    inlineRuns = 'auto',
  } = options;
  const { numBatchThreads = cpus, numLoadThreads = Math.min(2, cpus), clock = systemClock } = options;
  const { batchingObserver = {} } = options;
  assertObject(batchingObserver, 'batchingObserver');
  assertNumber(pollIntervalMs, 'pollIntervalMs', { min: 0 });
  assertNumber(drainGraceMs, 'drainGraceMs', { min: 0, isInfinityAllowed: true });
  assertNumber(maxInlineMicros, 'maxInlineMicros', { min: 0, isInfinityAllowed: true });
  assertNumber(numBatchThreads, 'numBatchThreads', { min: 1, isInteger: true });
  assertNumber(numLoadThreads, 'numLoadThreads', { min: 1, isInteger: true });
  assertOneOf(inlineRuns, 'inlineRuns', ['auto', 'off', 'on']);
  const models = resolveModels(options.models);
  return {
    models,
    pollIntervalMs,
    drainGraceMs,
    maxInlineMicros,
    inlineRuns,
    numBatchThreads,
    numLoadThreads,
    batchingObserver,
    clock,
  };
}

/**
 * @internal The same for the models alone, as `reconfigure` gets them.
 *
 * @throws ServingError INVALID_ARGUMENT as above.
 */
export function resolveModels(models: readonly ModelOptions[]): readonly ResolvedModelOptions[] {
  if (!Array.isArray(models)) throw optionError('models', models, 'an array of { name, basePath }');
  const resolved = Array.from(models, (model, index) => resolveModel(model, `models[${index}]`));
  const names = new Set<string>();
  for (const [index, { name }] of resolved.entries()) {
    if (names.has(name)) throw optionError(`models[${index}].name`, name, 'a name that no other model has');
    names.add(name);
  }
  return resolved;
}

/** @internal The models that `next` does not have, or has with other options for what is already loaded. */
export function modelsToUnload(
  now: readonly ResolvedModelOptions[],
  next: readonly ResolvedModelOptions[],
): readonly string[] {
  const builtAs = ({ session, transitionPolicy, batching }: ResolvedModelOptions) =>
    [session, transitionPolicy, batching] as const;
  const kept = new Map(next.map((model) => [model.name, builtAs(model)]));
  return now
    .filter((model) => !isDeepStrictEqual(kept.get(model.name), builtAs(model)))
    .map(({ name }) => name);
}

function resolveModel(model: ModelOptions, path: string): ResolvedModelOptions {
  assertObject(model, path);
  assertKeys(model, path, modelKeys);
  const {
    name,
    basePath,
    versionPolicy = { latest: 1 },
    transitionPolicy = 'availability-preserving',
  } = model;
  const { session = {}, batching = false } = model;
  assertString(name, `${path}.name`);
  assertString(basePath, `${path}.basePath`);
  assertVersionPolicy(versionPolicy, `${path}.versionPolicy`);
  assertOneOf(transitionPolicy, `${path}.transitionPolicy`, [
    'availability-preserving',
    'resource-preserving',
  ]);
  assertSession(session, `${path}.session`);
  if (batching !== false) resolveBatching(batching, `${path}.batching`);
  // Copies: what the caller does with its own objects later changes nothing.
  return {
    ...structuredClone({ name, versionPolicy, transitionPolicy, session, batching }),
    basePath: resolve(basePath),
  };
}

function assertVersionPolicy(policy: VersionPolicy, path: string): void {
  if (policy === 'all') return;
  assertObject(policy, path, "{ latest: n }, { specific: [n, …] } or 'all'");
  assertKeys(policy, path, ['latest', 'specific']);
  if ('latest' in policy && !('specific' in policy)) {
    assertNumber(policy.latest, `${path}.latest`, { min: 0, isInteger: true });
  } else if ('specific' in policy && !('latest' in policy) && Array.isArray(policy.specific)) {
    for (const [index, version] of policy.specific.entries()) {
      assertNumber(version, `${path}.specific[${index}]`, { min: 0, isInteger: true });
    }
  } else {
    throw optionError(path, policy, "{ latest: n }, { specific: [n, …] } or 'all'");
  }
}

const sessionKeys: Readonly<Record<keyof SessionOptions, (value: never, path: string) => void>> = {
  intraOpNumThreads: (value, path) => assertNumber(value, path, { min: 1, isInteger: true }),
  interOpNumThreads: (value, path) => assertNumber(value, path, { min: 1, isInteger: true }),
  externalData: (value, path) => assertOneOf(value, path, ['copied', 'mapped']),
  executionMode: (value, path) => assertOneOf(value, path, ['sequential', 'parallel']),
  graphOptimization: (value, path) =>
    assertOneOf(value, path, ['disabled', 'basic', 'extended', 'layout', 'all']),
  memoryPattern: assertBoolean,
  cpuArena: assertBoolean,
  allowSpinning: assertBoolean,
  configEntries: assertStrings,
  runConfigEntries: assertStrings,
  freeDimensions: assertSizes,
  providers: assertProviders,
  logSeverity: (value, path) => assertOneOf(value, path, [0, 1, 2, 3, 4]),
};

function assertSession(session: SessionOptions, path: string): void {
  assertObject(session, path);
  assertKeys(session, path, Object.keys(sessionKeys));
  for (const [key, value] of Object.entries(session)) {
    if (value !== undefined) sessionKeys[key as keyof SessionOptions](value as never, `${path}.${key}`);
  }
}

function assertBoolean(value: unknown, path: string): void {
  assertOneOf(value, path, [true, false]);
}

function assertStrings(value: unknown, path: string): void {
  assertObject(value, path);
  for (const [key, text] of Object.entries(value))
    assertString(text, `${path}["${key}"]`, { isEmptyAllowed: true });
}

function assertSizes(value: unknown, path: string): void {
  assertObject(value, path);
  for (const [key, size] of Object.entries(value)) {
    assertNumber(size, `${path}["${key}"]`, { min: 0, isInteger: true });
  }
}

function assertProviders(value: unknown, path: string): void {
  if (!Array.isArray(value)) throw optionError(path, value, 'an array of names or { name, options }');
  for (const [index, provider] of (value as (string | ProviderOptions)[]).entries()) {
    const at = `${path}[${index}]`;
    if (typeof provider === 'string') {
      assertString(provider, at);
      continue;
    }
    assertObject(provider, at, 'a name or { name, options }');
    assertKeys(provider, at, ['name', 'options']);
    assertString(provider.name, `${at}.name`);
    if (provider.options !== undefined) assertStrings(provider.options, `${at}.options`);
  }
}
