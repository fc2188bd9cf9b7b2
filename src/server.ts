import { EventEmitter } from 'eventemitter3';
import { BatchDispatcher } from './batching/batch-dispatcher.js';
import { BatchingLoader } from './batching/batching-loader.js';
import { ServableManager } from './control/manager.js';
import { graceOver, noVersionAvailable } from './control/manager-errors.js';
import type { ModelServerEvents } from './control/model-server-events.js';
import type { ServableState, ServableStatus } from './control/servable-state.js';
import { FileSystemSource } from './control/sources/file-system-source.js';
import { StateMonitor, type WaitOptions, type WaitTarget } from './control/state-monitor.js';
import { ServingError } from './core/errors.js';
import { type ModelSpec, toModelSpec } from './core/model-spec.js';
import type { ServableId } from './core/servable-id.js';
import type { Signature } from './core/signature.js';
import { checkInputs, findSignature, selectOutputs } from './core/signature-check.js';
import type { TensorMap } from './core/tensor.js';
import {
  type ModelOptions,
  type ModelServerOptions,
  modelsToUnload,
  type ResolvedModelOptions,
  type ResolvedOptions,
  resolveModels,
  resolveOptions,
} from './options.js';
import { withPatience } from './routing/deadline.js';
import { withLease } from './routing/lease.js';
import { checkPriority, type Prediction, type PredictOptions } from './routing/prediction.js';
import { Resolver } from './routing/resolver.js';
import { OrtEngine } from './runner/engine.js';
import { OnnxLoader } from './runner/onnx-loader.js';

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
  #options: ResolvedOptions;
  readonly #engine: OrtEngine;
  readonly #dispatcher: BatchDispatcher;
  readonly #monitor: StateMonitor;
  readonly #manager: ServableManager;
  readonly #source: FileSystemSource;
  readonly #resolver: Resolver;
  #started: Promise<this> | undefined;
  /** The last change of models; changes happen one after the other. */
  #configured: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  /** Checks the options, and does nothing else. @throws ServingError INVALID_ARGUMENT naming the option. */
  constructor(options: ModelServerOptions) {
    super();
    this.#options = resolveOptions(options);
    const { clock, pollIntervalMs, models, numBatchThreads, batchingObserver } = this.#options;
    this.#engine = new OrtEngine(this.#options);
    this.#dispatcher = new BatchDispatcher({ numBatchThreads, clock });
    this.#monitor = new StateMonitor({ clock });
    this.#monitor.listen(this.#emitter('state'));
    this.#manager = new ServableManager({
      loader: new BatchingLoader({
        loader: new OnnxLoader({
          engine: this.#engine,
          sessionOptions: ({ model }) => this.#model(model)?.session,
        }),
        dispatcher: this.#dispatcher,
        batching: ({ model }) => this.#model(model)?.batching,
        observer: batchingObserver,
        onUnbatched: this.#emitter('unbatched'),
      }),
      monitor: this.#monitor,
      transitionPolicy: (model) => this.#model(model)?.transitionPolicy ?? 'availability-preserving',
      onFailure: this.#emitter('failure'),
      clock,
    });
    this.#source = new FileSystemSource({ models, pollIntervalMs, clock });
    this.#resolver = new Resolver(this.#manager);
  }

  /**
   * Starts the threads, looks for versions once, and resolves when each one found is AVAILABLE or has failed: a model
   * that cannot be served does not keep the others from it. A second call returns the first one's promise; a start that
   * failed may be tried again.
   *
   * @throws ServingError FAILED_PRECONDITION where onnxruntime cannot be loaded or the server is closed.
   */
  start(): Promise<this> {
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  /**
   * Answers a request with the version that its spec means; a bare name means the highest one that is available.
   *
   * The inputs are read before this returns: the caller may change the arrays. When the signal is aborted or the time is
   * over, the promise rejects at once and the run is stopped, unless others share it.
   *
   * @throws ServingError NOT_FOUND where no such version is available (the cause says why, where that is known);
   *   INVALID_ARGUMENT for inputs, outputs or options that do not fit; FAILED_PRECONDITION for a signature that the
   *   model does not have; UNIMPLEMENTED for an output that cannot be a tensor; CANCELLED; DEADLINE_EXCEEDED;
   *   UNAVAILABLE where the server is not started or is closing, or a thread died; RESOURCE_EXHAUSTED where memory ran
   *   out; INTERNAL where the model failed otherwise.
   */
  async predict(
    spec: ModelSpec | string,
    inputs: TensorMap,
    options: PredictOptions = {},
  ): Promise<Prediction> {
    const wanted = toModelSpec(spec);
    const { clock } = this.#options;
    return await withPatience(clock, options, (signal, deadlineMs) =>
      withLease(this.#assertOpen().#resolver.acquire(wanted), async (servable) => {
        const { id } = servable;
        const signature = findSignature(servable.signatures, wanted.signature);
        checkInputs(id, signature, inputs);
        const outputs = selectOutputs(id, signature, options.outputs);
        const priority = checkPriority(options.priority);
        const request = { signature, inputs, outputs, signal, priority, deadlineMs };
        return { id, outputs: await servable.run(request) };
      }),
    );
  }

  /** The versions of a model, or of all, highest first, with their states; empty for a model that is not known. */
  status(model?: string): readonly ServableStatus[] {
    return this.#monitor.status(model);
  }

  /**
   * The signature that a request with this spec would meet.
   *
   * @throws ServingError NOT_FOUND, FAILED_PRECONDITION and UNAVAILABLE as `predict` does.
   */
  signature(spec: ModelSpec | string): Signature {
    const wanted = toModelSpec(spec);
    const lease = this.#assertOpen().#resolver.acquire(wanted);
    try {
      return findSignature(lease.servable.signatures, wanted.signature);
    } finally {
      lease.release();
    }
  }

  /** Waits until a version is in a state; without a version, until any of the model is. @see StateMonitor.waitFor */
  waitFor(target: WaitTarget, state: ServableState, options?: WaitOptions): Promise<ServableId> {
    return this.#monitor.waitFor(target, state, options);
  }

  /**
   * Serves these models from now on, and no others. Checked as a whole before anything changes; resolves when every
   * version found is AVAILABLE or has failed, and what is no longer wanted is unloaded.
   *
   * A model of which more changed than its path and its version policy is unloaded and loaded anew.
   *
   * @throws ServingError INVALID_ARGUMENT, and nothing has changed; FAILED_PRECONDITION naming the models of which no
   *   version became available, while the others are served; UNAVAILABLE where the server is not started or is closing.
   */
  async reconfigure(models: readonly ModelOptions[]): Promise<void> {
    const resolved = resolveModels(models);
    await this.#assertOpen().start();
    const change = this.#configured.then(() => this.#apply({ ...this.#options, models: resolved }));
    this.#configured = change.catch(() => {}); // its caller is told; the next change does not depend on it
    await change;
  }

  /**
   * Takes no new requests, lets those that it has finish within `drainGraceMs`, fails the rest with UNAVAILABLE, unloads
   * all models and ends the threads. Once: a second call returns the first one's promise. Never rejects.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(): Promise<this> {
    this.#assertNotClosed('Cannot start the server: it is closed');
    this.#engine.start();
    await this.#source.start(this.#manager);
    await this.#manager.settled();
    this.#assertNotClosed('The server was closed while it started');
    return this;
  }

  async #apply(options: ResolvedOptions): Promise<void> {
    const leaving = modelsToUnload(this.#options.models, options.models);
    await this.#source.setModels(this.#options.models.filter(({ name }) => !leaving.includes(name)));
    this.#options = options;
    await Promise.all(leaving.map((name) => this.#manager.remove(name)));
    await this.#source.setModels(options.models);
    await this.#manager.settled();
    const failed = options.models.filter(({ name }) => !this.#manager.available(name)?.length);
    if (failed.length === 0) return;
    throw noVersionAvailable(failed.map(({ name }) => ({ name, reason: this.#manager.reason(name) })));
  }

  async #close(): Promise<void> {
    this.#source.close();
    await this.#manager.close({
      graceMs: this.#options.drainGraceMs,
      onGraceOver: (held) => {
        for (const part of [this.#dispatcher, this.#engine]) part.abandon(graceOver(held)); // first what waits
      },
    });
    await this.#dispatcher.close();
    await this.#engine.close();
  }

  #assertNotClosed(otherwise: string): void {
    if (this.#closed !== undefined) throw new ServingError('FAILED_PRECONDITION', otherwise);
  }

  #assertOpen(): this {
    if (this.#started !== undefined && this.#closed === undefined) return this;
    const why = this.#closed === undefined ? 'it is not started' : 'it is closing';
    throw new ServingError('UNAVAILABLE', `Cannot use the server: ${why}`);
  }

  #model(name: string): ResolvedModelOptions | undefined {
    return this.#options.models.find((model) => model.name === name);
  }

  /** Emits a little later: a listener that throws must not stop what it is told of. */
  #emitter(event: keyof ModelServerEvents): (value: unknown) => void {
    return (value) => queueMicrotask(() => this.emit(event, value as never));
  }
}
