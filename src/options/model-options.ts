import { resolve } from 'node:path';
import { type BatchingOptions, resolveBatching } from '../batching/batching-options.js';
import type { Source } from '../control/source.js';
import type { TransitionPolicy } from '../control/transition-policy.js';
import type { VersionPolicy } from '../control/version-policy.js';
import {
  assertKeys,
  assertMethods,
  assertNumber,
  assertObject,
  assertOneOf,
  assertString,
  optionError,
} from '../core/option-check.js';
import type { Loader } from '../core/servable.js';
import { type RequestLogConfig, resolveRequestLogConfig } from '../request-log/request-log-config.js';
import type { DeviceOptions } from '../runner/devices/device-options.js';
import type { SessionOptions } from '../runner/session-options.js';
import type { Warmup } from '../warmup/warmup-plan.js';
import { deviceKeys, resolveDevice } from './device-check.js';
import { assertSession } from './session-check.js';

/** One model, and where its versions are: in a base path, or where a source of the host's says. */
export type ModelOptions = ModelOnDisk | ModelFromSource;

/** A model whose versions are looked for. */
export interface ModelOnDisk extends ModelSettings {
  /**
   * The folder of its version directories, `<basePath>/<version>/model.onnx`: a path, relative to the working directory, or
   * a URI that the server's storage knows.
   */
  readonly basePath: string;
  /** Not beside a base path. */
  readonly source?: never;
  /**
   * Which of the versions found are served: the highest `latest`, exactly the `specific` ones, or `'all'`.
   *
   * @default { latest: 1 }
   */
  readonly versionPolicy?: VersionPolicy;
}

/** A model whose versions somebody else knows: rows of a database, say. */
export interface ModelFromSource extends ModelSettings {
  /** Not beside a source. */
  readonly basePath?: never;
  /**
   * Says which versions are wanted, and where they lie.
   *
   * One source may be that of several models. It is started with the server, or when the first model has it, and closed
   * with the server, or when the last model that has it has gone; it is not started again after that. What it says of
   * other models is remembered until they are configured. While it fails, what is served goes on being served.
   */
  readonly source: Source;
  /** All that the source says: it chooses for itself. */
  readonly versionPolicy?: 'all';
}

/** What a model is called, and how its versions are made and run. */
export interface ModelSettings extends DeviceOptions {
  /** What requests call it. Unique in the server, not empty. */
  readonly name: string;
  /**
   * Makes a servable of what lies in a version's path, for models that are not ONNX: it is batched, warmed up, leased and
   * unloaded like any other. It has no `session` and no device. Another object is another build: what an earlier one has
   * loaded is replaced.
   *
   * @default onnxruntime, with the `model.onnx` of a version directory
   */
  readonly loader?: Loader;
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
export type ResolvedModelOptions = Required<Omit<ModelSettings, keyof DeviceOptions | 'loader'>> &
  DeviceOptions &
  Pick<ModelSettings, 'loader'> &
  Place & { readonly versionPolicy: VersionPolicy };

/** One of the two. */
interface Place {
  readonly basePath?: string;
  readonly source?: Source;
}

const modelKeys = [
  'name',
  'basePath',
  'source',
  'loader',
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
    source,
    versionPolicy = source === undefined ? { latest: 1 } : 'all',
    transitionPolicy = 'availability-preserving',
  } = model;
  const { session = {}, batching = false, labels = {}, warmup = 'file', numRequestIterations = 1 } = model;
  const { requestLog = false } = model;
  assertString(name, `${path}.name`);
  assertPlace(model, path);
  assertMaker(model, path);
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
    ...placeOf(model),
    ...(model.loader && { loader: model.loader }),
  };
}

/** Where its versions are known: a base path or a source, and not both. */
function assertPlace({ basePath, source, versionPolicy }: ModelOptions, path: string): void {
  if (source === undefined) {
    assertString(basePath, `${path}.basePath`);
    return;
  }
  assertMethods(source, `${path}.source`, ['start', 'close']);
  if (basePath !== undefined) throw optionError(`${path}.basePath`, basePath, 'either basePath or source');
  if (versionPolicy !== undefined && versionPolicy !== 'all')
    throw optionError(
      `${path}.versionPolicy`,
      versionPolicy,
      'none beside a source, which chooses for itself',
    );
}

function assertMaker(model: ModelOptions, path: string): void {
  const { loader, session = {} } = model;
  if (loader === undefined) return;
  assertMethods(loader, `${path}.loader`, ['load']);
  const option =
    Object.keys(session).length > 0 ? 'session' : deviceKeys.find((key) => model[key] !== undefined);
  if (option !== undefined) {
    throw optionError(`${path}.${option}`, model[option], 'none beside a loader, since it is of onnxruntime');
  }
}

function placeOf({ basePath = '', source }: ModelOptions): Place {
  return source === undefined ? { basePath: isUri(basePath) ? basePath : resolve(basePath) } : { source };
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
