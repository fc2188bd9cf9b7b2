// Hot path: once for each call. Guarded by bench/client/predict.mjs.
import type { Examples } from '../core/example.js';
import { type ModelSpec, toModelSpec } from '../core/model-spec.js';
import { assertNumber, assertTimeout } from '../core/option-check.js';
import type { Signature } from '../core/signature.js';
import { findSignature } from '../core/signature-check.js';
import type { TensorMap } from '../core/tensor.js';
import { toExamples } from '../core/to-example.js';
import type {
  Classification,
  CounterIncreases,
  InferenceTask,
  MultiInference,
  Prediction,
  Regression,
  ReloadedModel,
  VersionMetadata,
  VersionStatus,
} from './answers.js';
import type { CallOptions, PredictCallOptions, ReloadOptions, WaitForReadyOptions } from './call-options.js';
import { Calls } from './calls.js';
import { assertAliases, assertModels, assertTensors, toTasks } from './check-arguments.js';
import {
  type ResolvedClientOptions,
  resolveClientOptions,
  type ServableClientOptions,
} from './client-options.js';
import { GrpcWire } from './grpc/grpc-wire.js';
import { isNotYet, readinessOf, untilReady } from './readiness.js';
import { RestWire } from './rest/rest-wire.js';
import type { Wire } from './wire.js';

/**
 * A client of TensorFlow Serving's API, over gRPC or REST: of a `servable` in another process, or of a TensorFlow Serving.
 * Its tensors and errors are those of a `ModelServer`.
 *
 * Connections are made when calls need them, and kept; an idle client does not keep the process alive. A call fails with the
 * server's own code and text, or with UNAVAILABLE where it cannot be reached, and is made again where the error says that
 * this may help (`retryable`), within the time that it has. All but `reloadConfig` may be made again: they change nothing.
 *
 * What a call is given is read before the method returns: the caller may change its arrays then. An aborted `signal` ends the
 * call at once, with CANCELLED, on the server, too.
 *
 * @example
 * ```ts
 * import { ModelServer, tensor } from 'servable';
 * import { ServableClient } from 'servable/client'; // needs @grpc/grpc-js for gRPC
 * import { createGrpcServer } from 'servable/grpc';
 *
 * const server = new ModelServer({ models: [{ name: 'digits', basePath: 'examples/models/digits' }] });
 * const grpcServer = createGrpcServer(server);
 * const { address } = await grpcServer.listen('127.0.0.1:0');
 * await server.start();
 *
 * const client = new ServableClient({ address: `grpc://${address}` }); // or http://…, for REST
 * const pixels = tensor('float32', [1, 64], new Float32Array(64));
 * const { id, outputs } = await client.predict('digits', { pixels }, { outputs: ['label'], timeoutMs: 1000 });
 * console.log(id, outputs.label.shape); // { model: 'digits', version: 3 } [ 1 ]
 *
 * await client.close();
 * await grpcServer.close();
 * await server.close();
 * ```
 */
export class ServableClient implements AsyncDisposable {
  readonly #options: ResolvedClientOptions;
  readonly #calls: Calls;
  readonly #wire: Wire;
  #closed: Promise<void> | undefined;

  /** Checks the options, and does nothing else. @throws ServingError INVALID_ARGUMENT naming the option. */
  constructor(options: ServableClientOptions) {
    this.#options = resolveClientOptions(options);
    this.#calls = new Calls(this.#options);
    this.#wire =
      this.#options.address.wire === 'grpc' ? new GrpcWire(this.#options) : new RestWire(this.#options);
  }

  /**
   * Answers a request with the version that its spec means; a bare name means the highest one that is available.
   *
   * Over REST the first answer of a version waits for its signature to be told as well, since JSON does not say what its
   * numbers are. uint16 has no form there.
   *
   * @throws ServingError what the server answers, as its own `predict` does; INVALID_ARGUMENT for what is no tensor;
   *   UNAVAILABLE where the server cannot be reached, or goes away; DEADLINE_EXCEEDED; CANCELLED; RESOURCE_EXHAUSTED with the
   *   reason `message_too_large` beyond `maxSendBytes` and `maxReceiveBytes`; DATA_LOSS for an answer that is none;
   *   FAILED_PRECONDITION where the client is closed, or grpc-js is not installed.
   */
  async predict(
    spec: ModelSpec | string,
    inputs: TensorMap,
    options: PredictCallOptions = {},
  ): Promise<Prediction> {
    assertTensors(inputs);
    assertAliases(options.outputs);
    const question = this.#wire.predict(toModelSpec(spec), inputs, options.outputs);
    return this.#calls.ask(question, options);
  }

  /**
   * The classes of each example, with scores. Values of features travel as what they are written as: numbers and arrays of
   * floats as floats, bigints, booleans and arrays of integers as integers, strings and `Uint8Array`s as bytes.
   *
   * @throws ServingError as `predict`.
   */
  async classify(
    spec: ModelSpec | string,
    examples: Examples,
    options?: CallOptions,
  ): Promise<Classification> {
    return this.#calls.ask(this.#wire.classify(toModelSpec(spec), toExamples(examples)), options);
  }

  /** A number for each example. Features travel as with `classify`. @throws ServingError as `predict`. */
  async regress(spec: ModelSpec | string, examples: Examples, options?: CallOptions): Promise<Regression> {
    return this.#calls.ask(this.#wire.regress(toModelSpec(spec), toExamples(examples)), options);
  }

  /** Both, by several signatures of one version. @throws ServingError as `predict`; UNIMPLEMENTED over REST. */
  async multiInference(
    tasks: readonly InferenceTask[],
    examples: Examples,
    options?: CallOptions,
  ): Promise<MultiInference> {
    return this.#calls.ask(this.#wire.multiInference(toTasks(tasks), toExamples(examples)), options);
  }

  /**
   * The versions of a model with their states, highest first; or the one that is asked for.
   *
   * @throws ServingError NOT_FOUND for a model or version that the server does not know; otherwise as `predict`.
   */
  async status(
    target: { readonly model: string; readonly version?: number } | string,
    options?: CallOptions,
  ): Promise<readonly VersionStatus[]> {
    return this.#calls.ask(this.#wire.status(toModelSpec(target)), options);
  }

  /** What the version that a request with this spec would meet can be asked. @throws ServingError as `predict`. */
  async metadata(spec: ModelSpec | string, options?: CallOptions): Promise<VersionMetadata> {
    return this.#calls.ask(this.#wire.metadata(toModelSpec(spec)), options);
  }

  /**
   * The signature that a request with this spec would meet.
   *
   * @throws ServingError as `metadata`; FAILED_PRECONDITION where the version has no signature of that name.
   */
  async signature(spec: ModelSpec | string, options?: CallOptions): Promise<Signature> {
    const { signatures } = await this.metadata(spec, options);
    return findSignature(signatures, toModelSpec(spec).signature);
  }

  /**
   * Makes the server serve these models, and no others; resolves when it says that it does. Never made again: whoever changed
   * the server meanwhile is not to be overruled.
   *
   * @returns how much the `counters` have risen meanwhile.
   * @throws ServingError as the server's `reloadConfig`; UNIMPLEMENTED over REST; otherwise as `predict`.
   */
  async reloadConfig(
    models: readonly ReloadedModel[],
    { counters = [], ...options }: ReloadOptions = {},
  ): Promise<CounterIncreases> {
    assertModels(models);
    return this.#calls.ask(this.#wire.reloadConfig(models, counters), options, false);
  }

  /**
   * Whether a request with this spec would be answered now; without one, whether the server takes requests. False, too,
   * where it cannot be reached: it is asked once.
   *
   * Over gRPC the health service is asked where there is one, over REST `/readyz` and `/ready`, and the states of versions
   * otherwise. TensorFlow Serving is ready when it answers: it opens its ports when its models are there.
   *
   * @throws ServingError for what does not pass by itself, such as UNAUTHENTICATED; CANCELLED; FAILED_PRECONDITION.
   */
  async isReady(spec?: ModelSpec | string, options?: CallOptions): Promise<boolean> {
    const target = spec === undefined ? undefined : toModelSpec(spec);
    try {
      return await this.#calls.ask(readinessOf(this.#wire, target), options, false);
    } catch (error) {
      if (isNotYet(error, target)) return false;
      throw error;
    }
  }

  /**
   * Resolves when `isReady` says so: of a server that is still to start, and of a version that is still to be loaded.
   *
   * @throws ServingError DEADLINE_EXCEEDED, which says what was wrong at last; otherwise as `isReady`.
   */
  async waitForReady(spec?: ModelSpec | string, options: WaitForReadyOptions = {}): Promise<void> {
    const { timeoutMs = Number.POSITIVE_INFINITY, pollIntervalMs = 500, signal } = options;
    assertNumber(pollIntervalMs, 'pollIntervalMs', { min: 1 });
    assertTimeout(timeoutMs);
    const target = spec === undefined ? undefined : toModelSpec(spec);
    const wait = { wire: this.#wire, spec: target, clock: this.#options.clock, timeoutMs, pollIntervalMs };
    const patience = { timeoutMs: Number.POSITIVE_INFINITY, ...(signal && { signal }) };
    await this.#calls.ask(untilReady(wait), patience, false);
  }

  /**
   * Takes no new calls, lets those under way be answered within `graceMs`, fails the rest with CANCELLED, and ends all
   * connections. Once: a second call returns the first one's promise, which never rejects.
   *
   * @param options.graceMs milliseconds; infinity for as long as it takes. @default 30000
   * @throws ServingError INVALID_ARGUMENT for a time that is none, at once; nothing is closed then.
   */
  close({ graceMs = 30_000 }: { readonly graceMs?: number } = {}): Promise<void> {
    if (this.#closed === undefined) assertNumber(graceMs, 'graceMs', { min: 0, isInfinityAllowed: true });
    this.#closed ??= this.#calls.close(graceMs).then(() => this.#wire.close());
    return this.#closed;
  }

  /** As `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
