import { resolve } from 'node:path';
import { type BatchingOptions, resolveBatching } from '../batching/batching-options.js';
import type { TransitionPolicy } from '../control/transition-policy.js';
import type { VersionPolicy } from '../control/version-policy.js';
import {
  assertKeys,
  assertNumber,
  assertObject,
  assertOneOf,
  assertString,
  optionError,
} from '../core/option-check.js';
import { type RequestLogConfig, resolveRequestLogConfig } from '../request-log/request-log-config.js';
import type { DeviceOptions } from '../runner/devices/device-options.js';
import type { SessionOptions } from '../runner/session-options.js';
import type { Warmup } from '../warmup/warmup-plan.js';
import { deviceKeys, resolveDevice } from './device-check.js';
import { assertSession } from './session-check.js';

/** One model and where its versions are. */
export interface ModelOptions extends DeviceOptions {
  /** What requests call it. Unique in the server, not empty. */
  readonly name: string;
  /**
   * The folder of its version directories, `<basePath>/<version>/model.onnx`: a path, relative to the working directory, or
   * a URI that the server's storage knows.
   */
  readonly basePath: string;
  /**
   * Which of the versions found are served: the highest `latest`, exactly the `specific` ones, or `'all'`.
   *
   * @default { latest: 1 }
   */
  readonly versionPolicy?: VersionPolicy;
  /**
   * Names that requests may use for versions. A label waits until its version is available, and moves then.
   *
   * @default none
   */
  readonly labels?: Readonly<Record<string, number>>;
  /**
   * What comes first when versions change: `'availability-preserving'` loads the new one before it unloads the old
   * one, `'resource-preserving'` the other way round, which needs memory for one of them only.
   *
   * @default 'availability-preserving'
   */
  readonly transitionPolicy?: TransitionPolicy;
  /**
   * What a version is run with before it is available: what its own warm-up file holds; made-up inputs where it has none
   * (`'synthetic'`); nothing (`'off'`).
   *
   * @default 'file', as TF Serving's `--enable_model_warmup`
   */
  readonly warmup?: Warmup;
  /**
   * Times that each warm-up request is run, at each allowed batch size.
   *
   * @default 1; TF Serving's `--num_request_iterations_for_warmup`
   */
  readonly numRequestIterations?: number;
  /**
   * Which of its requests are written, with their answers, into files that are warm-up files for the next version; or
   * handed to a collector of the host's.
   *
   * @default false: none
   */
  readonly requestLog?: RequestLogConfig | false;
  /** How onnxruntime builds and runs the model. */
  readonly session?: SessionOptions;
  /**
   * How its requests share runs. `'file'`: as `batching_params.pbtxt` in the version's directory says, TF Serving's
   * BatchingParameters, and not at all for a version without one; what it says of threads is not looked at.
   *
   * @default false: each request runs alone
   */
  readonly batching?: BatchingOptions | 'file' | false;
}

/** @internal A model's options, with every default filled in. */
export type ResolvedModelOptions = Required<Omit<ModelOptions, keyof DeviceOptions>> & DeviceOptions;

const modelKeys = [
  'name',
  'basePath',
  'versionPolicy',
  'labels',
  'transitionPolicy',
  'warmup',
  'numRequestIterations',
  'requestLog',
  'session',
  'batching',
  ...deviceKeys,
];

/**
 * @internal Checks the models that the user wrote and fills in the defaults.
 *
 * @throws ServingError INVALID_ARGUMENT naming the option, what came and what was wanted.
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

/** @internal The same for one model. */
export function resolveModel(model: ModelOptions, path: string): ResolvedModelOptions {
  assertObject(model, path);
  assertKeys(model, path, modelKeys);
  const {
    name,
    basePath,
    versionPolicy = { latest: 1 },
    transitionPolicy = 'availability-preserving',
  } = model;
  const { session = {}, batching = false, labels = {}, warmup = 'file', numRequestIterations = 1 } = model;
  const { requestLog = false } = model;
  assertString(name, `${path}.name`);
  assertString(basePath, `${path}.basePath`);
  assertVersionPolicy(versionPolicy, `${path}.versionPolicy`);
  assertLabels(labels, `${path}.labels`);
  assertOneOf(transitionPolicy, `${path}.transitionPolicy`, [
    'availability-preserving',
    'resource-preserving',
  ]);
  assertOneOf(warmup, `${path}.warmup`, ['file', 'synthetic', 'off']);
  assertNumber(numRequestIterations, `${path}.numRequestIterations`, { min: 1, isInteger: true });
  if (requestLog !== false) resolveRequestLogConfig(requestLog, `${path}.requestLog`);
  assertSession(session, `${path}.session`);
  if (batching !== false && batching !== 'file') resolveBatching(batching, `${path}.batching`);
  // Copies: what the caller does with its own objects later changes nothing.
  return {
    ...structuredClone({
      name,
      versionPolicy,
      labels,
      transitionPolicy,
      warmup,
      numRequestIterations,
      session,
      batching,
    }),
    ...resolveDevice(model, path),
    requestLog: requestLog && { ...requestLog }, // with a collector, which is nobody's to copy
    basePath: isUri(basePath) ? basePath : resolve(basePath),
  };
}

/** A scheme of one letter is a drive of Windows. */
function isUri(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(path);
}

function assertLabels(labels: Readonly<Record<string, number>>, path: string): void {
  assertObject(labels, path);
  for (const [label, version] of Object.entries(labels)) {
    assertString(label, `${path}, a label`);
    assertNumber(version, `${path}.${label}`, { min: 0, isInteger: true });
  }
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
