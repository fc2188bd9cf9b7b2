import { EventEmitter } from 'eventemitter3';
import type { ModelServerConfig } from './config/configured-model.js';
import type { Explanation } from './control/explain.js';
import type { ServableState, ServableStatus } from './control/servable-state.js';
import type { WaitOptions, WaitTarget } from './control/state-monitor.js';
import type { Examples } from './core/example.js';
import { type ModelSpec, toModelSpec } from './core/model-spec.js';
import { assertNumber } from './core/option-check.js';
import type { WireWatch } from './core/request-records.js';
import type { ServableId } from './core/servable-id.js';
import type { Signature } from './core/signature.js';
import { findSignature } from './core/signature-check.js';
import type { TensorMap } from './core/tensor.js';
import { ServerMetrics } from './metrics/server-metrics.js';
import { type ModelOptions, type ResolvedModelOptions, resolveModels } from './options/model-options.js';
import { type ModelServerOptions, type ResolvedOptions, resolveOptions } from './options/server-options.js';
import type { Prediction, PredictOptions } from './routing/prediction.js';
import { answer, type InputsMaker } from './server/answer.js';
import { type Ask, askOf } from './server/ask.js';
import { changeByCall } from './server/change-by-call.js';
import { compose, type Parts } from './server/compose.js';
import { explainVersion } from './server/explain-version.js';
import type { Classification } from './server/inference/classification.js';
import { classify, multiInference, regress } from './server/inference/inference.js';
import type { InferenceOptions } from './server/inference/inference-options.js';
import type { InferenceTasks, MultiInference } from './server/inference/multi-inference.js';
import type { Regression } from './server/inference/regression.js';
import { isModelReady, type ModelStatus, modelStatuses } from './server/model-status.js';
import type { Emit, ModelServerEvents } from './server/server-events.js';
import { ServerLifecycle } from './server/server-lifecycle.js';
import { type ServerSnapshot, snapshotOf } from './server/snapshot.js';
import { type VersionMetadata, versionMetadata } from './server/version-metadata.js';
import { serverTraces } from './tracing/server-traces.js';

/**
 * Serves models in this process: finds their versions, loads them, answers requests, and follows what changes on disk.
 *
 * The event loop is not held: models load and run in threads. Until `start()` there is no thread and no timer, and after
 * `close()` there is none either; several servers in one process do not know of each other.
 *
 * @example
 * ```ts
 * import { ModelServer, tensor } from 'servable';
 *
 * const server = await new ModelServer({
 *   models: [{ name: 'digits', basePath: 'examples/models/digits' }],
 * }).start(); // or `await using server = …`, which closes it at the end of the block
 *
 * const pixels = tensor('float32', [1, 64], new Float32Array(64));
 * const { id, outputs } = await server.predict('digits', { pixels }, { outputs: ['label'] });
 * console.log(id.version, outputs.label.shape); // 3 [ 1 ]
 * await server.close();
 * ```
 */
export class ModelServer extends EventEmitter<ModelServerEvents> implements AsyncDisposable {
  readonly #options: ResolvedOptions;
  readonly #parts: Parts;
  readonly #lifecycle: ServerLifecycle<this>;
  readonly #ask: Ask;
  /** What it measures. */
  readonly metrics: ServerMetrics;
  /** @internal Who looks at the requests that come over wires. */
  readonly wires: WireWatch;

  /** Checks the options, and does nothing else. @throws ServingError INVALID_ARGUMENT naming the option. */
  constructor(options: ModelServerOptions) {
    super();
    this.#options = resolveOptions(options);
    const emit: Emit = (event, ...args) => {
      queueMicrotask(() => this.emit(event, ...(args as never)));
    };
    this.#parts = compose(this.#options, emit);
    const { meters, watchers } = this.#parts;
    this.metrics = new ServerMetrics(meters, this.#options.metrics);
    this.#lifecycle = new ServerLifecycle(this, this.#parts, this.metrics);
    const { clock } = this.#options;
    const open = () => this.#lifecycle.open();
    this.#ask = askOf({ clock, open, observer: watchers.requests, trace: serverTraces.predict });
    const { wires: observer, onListenerFailure: onFailure } = watchers;
    this.wires = { clock, observer, trace: serverTraces.request, onFailure };
  }

  /**
   * Starts the threads, looks for versions once, and resolves when each one found is AVAILABLE or has failed: a model
   * that cannot be served does not keep the others from it. A second call returns the first one's promise; a start that
   * failed may be tried again.
   *
   * @throws ServingError FAILED_PRECONDITION where onnxruntime cannot be loaded or the server is closed; the config file's
   *   own error where it cannot be read or is no config (later on, such a file changes nothing).
   */
  start(): Promise<this> {
    return this.#lifecycle.start();
  }

  /**
   * Answers a request with the version that its spec means; a bare name means the highest one that is available.
   *
   * The inputs are read before this returns: the caller may change the arrays. A function in their place is called once,
   * before this returns, when it is known which version answers. When the signal is aborted or the time is over, the
   * promise rejects at once and the run is stopped, unless others share it.
   *
   * @throws ServingError NOT_FOUND where no such version is available (the cause says why, where that is known);
   *   INVALID_ARGUMENT for inputs, outputs or options that do not fit; FAILED_PRECONDITION for a signature that the
   *   model does not have; UNIMPLEMENTED for an output that cannot be a tensor; CANCELLED; DEADLINE_EXCEEDED;
   *   UNAVAILABLE where the server is not started or is closing, or a thread died; RESOURCE_EXHAUSTED where memory ran
   *   out; INTERNAL where the model failed otherwise.
   */
  predict(
    spec: ModelSpec | string,
    inputs: TensorMap | InputsMaker,
    options: PredictOptions = {},
  ): Promise<Prediction> {
    return this.#ask('predict', spec, options, (servable, { signature }, terms) =>
      answer(servable, { signature, inputs, options }, terms),
    );
  }

  /**
   * The classes of each example, with scores, by the outputs `classes` and `scores`. Run, batched and logged as the predict
   * request that it comes to. @throws ServingError as `predict`; INVALID_ARGUMENT for an unknown signature, too.
   */
  classify(
    spec: ModelSpec | string,
    examples: Examples,
    options?: InferenceOptions,
  ): Promise<Classification> {
    return classify(this.#ask, spec, examples, options);
  }

  /** A number for each example, by the output `outputs`. @throws ServingError as `classify`. */
  regress(spec: ModelSpec | string, examples: Examples, options?: InferenceOptions): Promise<Regression> {
    return regress(this.#ask, spec, examples, options);
  }

  /** Both, by several signatures of one version, in one run. @throws ServingError as `classify`; UNIMPLEMENTED. */
  multiInference(
    tasks: InferenceTasks,
    examples: Examples,
    options?: InferenceOptions,
  ): Promise<MultiInference> {
    return multiInference(this.#ask, tasks, examples, options);
  }

  /** The versions of a model, or of all, highest first, with their states; empty for a model that is not known. */
  status(model?: string): readonly ServableStatus[] {
    return this.#parts.monitor.status(model);
  }

  /**
   * The signature that a request with this spec would meet.
   *
   * @throws ServingError NOT_FOUND, FAILED_PRECONDITION and UNAVAILABLE as `predict` does.
   */
  signature(spec: ModelSpec | string): Signature {
    return findSignature(this.metadata(spec).signatures, toModelSpec(spec).signature);
  }

  /**
   * What the version that a request with this spec would meet says of itself: its signatures and its file's own words.
   *
   * @throws ServingError NOT_FOUND and UNAVAILABLE as `predict` does.
   */
  metadata(spec: ModelSpec | string): VersionMetadata {
    return versionMetadata(this.#lifecycle.open().resolver, toModelSpec(spec));
  }

  /** Waits until a version is in a state; without a version, until any of the model is. @see StateMonitor.waitFor */
  waitFor(target: WaitTarget, state: ServableState, options?: WaitOptions): Promise<ServableId> {
    return this.#parts.monitor.waitFor(target, state, options);
  }

  /** All models that are configured, with their labels and versions. */
  listModels(): readonly ModelStatus[] {
    return modelStatuses(this.#parts);
  }

  /**
   * Whether requests would be answered now: to a version, to any version of a model, or, without a target, to every model
   * that is configured. False before the start has ended, and from `close()` on.
   */
  isReady(target?: WaitTarget): boolean {
    if (!this.#lifecycle.isServing) return false;
    const { manager, served } = this.#parts;
    if (target === undefined) return served.list().every(({ name }) => isModelReady(manager, name));
    const available = manager.available(target.model) ?? [];
    return target.version === undefined ? available.length > 0 : available.includes(target.version);
  }

  /** Why a version is serving, or why it is not, and what has happened to it. */
  explain(id: ServableId): Explanation {
    return explainVersion(this.#parts, id);
  }

  /**
   * Serves these models from now on, and no others. Checked as a whole before anything changes; resolves when every
   * version found is AVAILABLE, each label where it belongs, and each model that is left out gone. A version that has been
   * replaced may still be ending its requests.
   *
   * What changes is replaced without a gap: a version that is to be made in another way, or lies in another place, is
   * loaded beside the one that answers, unless the model's transition policy is `resource-preserving`.
   *
   * @throws ServingError INVALID_ARGUMENT, and nothing has changed; UNKNOWN naming the models of which no version became
   *   available, FAILED_PRECONDITION naming the label whose version did not, while all else is as it was wanted, and is
   *   tried again (the codes are TF Serving's); UNAVAILABLE where the server is not started or is closing.
   */
  async reconfigure(models: readonly ModelOptions[]): Promise<void> {
    await this.#change(resolveModels(models));
  }

  /**
   * As `reconfigure`, with what a config file can say of models. What it cannot, stays as it is for a model that is served
   * already; for others it is what `configFile.modelDefaults` says.
   *
   * @throws ServingError as `reconfigure` does.
   */
  async reloadConfig(config: ModelServerConfig): Promise<void> {
    if ('models' in config) await this.#change(this.#parts.configured.resolve(config.models));
  }

  /**
   * Takes no new requests, lets those that it has finish within `graceMs`, fails the rest with UNAVAILABLE, unloads all
   * models and ends the threads. Once: a second call returns the first one's promise, which never rejects.
   *
   * @param options.graceMs milliseconds; by default the server's `drainGraceMs`
   * @throws ServingError INVALID_ARGUMENT for a time that is none, at once; nothing is closed then.
   */
  close({ graceMs = this.#options.drainGraceMs }: { readonly graceMs?: number } = {}): Promise<void> {
    if (!this.#lifecycle.isClosed) assertNumber(graceMs, 'graceMs', { min: 0, isInfinityAllowed: true });
    return this.#lifecycle.close(graceMs);
  }

  /** As `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Everything that a page about this server would show, as plain data that JSON can hold. */
  snapshot(): ServerSnapshot {
    return snapshotOf(this.#parts, this.#lifecycle);
  }

  async #change(models: readonly ResolvedModelOptions[]): Promise<void> {
    const parts = this.#lifecycle.open();
    await this.start();
    await changeByCall(parts, models);
  }
}
