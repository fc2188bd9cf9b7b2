// Hot path: once for each call over REST. Guarded by bench/client/predict.mjs.
import { ServingError } from '../../core/errors.js';
import type { Example } from '../../core/example.js';
import type { ModelSpec } from '../../core/model-spec.js';
import { defaultSignatureName } from '../../core/signature.js';
import type { TensorMap } from '../../core/tensor.js';
import { decodeClassifications, decodeRegressions } from '../../json/decode-answer.js';
import { encodeExamplesBody, encodePredictBody } from '../../json/encode-request.js';
import type {
  AnsweringVersion,
  Classification,
  CounterIncreases,
  MultiInference,
  Prediction,
  Regression,
  VersionMetadata,
  VersionStatus,
} from '../answers.js';
import type { ResolvedClientOptions } from '../client-options.js';
import { readAnswer } from '../read-answer.js';
import { assertSendable } from '../sendable.js';
import type { Attempt, Question, Wire } from '../wire.js';
import { HttpCaller, type HttpQuestion } from './http-caller.js';
import { OutputReader } from './output-reader.js';
import { readMetadataJson, readStatusJson } from './rest-answers.js';
import { type HttpReply, restFailure } from './rest-failure.js';

/** TF Serving's API over REST. */
export class RestWire implements Wire {
  readonly #options: ResolvedClientOptions;
  readonly #caller: HttpCaller;
  readonly #outputs: OutputReader;

  constructor(options: ResolvedClientOptions) {
    this.#options = options;
    this.#caller = new HttpCaller(options);
    this.#outputs = new OutputReader({
      options,
      getMetadata: (path, signal) => this.#getMetadata(path, { model: '' }, signal),
    });
  }

  predict(spec: ModelSpec, inputs: TensorMap, outputs: readonly string[] | undefined): Question<Prediction> {
    const { model, signature } = spec;
    const ask = this.#post(spec, 'predict', encodePredictBody(inputs, signature));
    return async (attempt) => {
      const reply = await ask(attempt);
      const id = answererOf(reply, spec);
      const told = id.version === undefined ? spec : { model, version: id.version };
      const path = pathOf(told);
      const isVersionKnown = id.version !== undefined;
      const wanted = { model, signature, outputs };
      return { id, outputs: await this.#outputs.read(reply, { path, isVersionKnown, wanted }) };
    };
  }

  classify(spec: ModelSpec, examples: readonly Example[]): Question<Classification> {
    const ask = this.#post(spec, 'classify', encodeExamplesBody(examples, spec.signature));
    return async (attempt) => {
      const reply = await ask(attempt);
      const results = this.#read(reply, `${pathOf(spec)}:classify`, decodeClassifications);
      return { id: answererOf(reply, spec), signature: spec.signature || defaultSignatureName, results };
    };
  }

  regress(spec: ModelSpec, examples: readonly Example[]): Question<Regression> {
    const ask = this.#post(spec, 'regress', encodeExamplesBody(examples, spec.signature));
    return async (attempt) => {
      const reply = await ask(attempt);
      const values = this.#read(reply, `${pathOf(spec)}:regress`, decodeRegressions);
      return { id: answererOf(reply, spec), signature: spec.signature || defaultSignatureName, values };
    };
  }

  multiInference(): Question<MultiInference> {
    throw notOverRest('MultiInference');
  }

  reloadConfig(): Question<CounterIncreases> {
    throw notOverRest('HandleReloadConfigRequest');
  }

  status({ label: _label, ...spec }: ModelSpec): Question<readonly VersionStatus[]> {
    const path = pathOf(spec);
    return async (attempt) => {
      const reply = await this.#send({ method: 'GET', path }, attempt.signal);
      return this.#read(reply, path, (bytes) => readStatusJson(bytes, spec));
    };
  }

  metadata(spec: ModelSpec): Question<VersionMetadata> {
    return ({ signal }) => this.#getMetadata(pathOf(spec), spec, signal);
  }

  /** `/readyz`, and `/ready` of a model, which TF Serving does not have. */
  health(model: string | undefined): Question<boolean | undefined> {
    const path = model === undefined ? '/readyz' : `${pathOf({ model })}/ready`;
    return async ({ signal }) => {
      const { status } = await this.#caller.send({ method: 'GET', path }, signal);
      if (status === 200) return true;
      return status === 503 ? false : undefined;
    };
  }

  close(): void {
    this.#caller.close();
  }

  #post(spec: ModelSpec, verb: string, body: Uint8Array): (attempt: Attempt) => Promise<HttpReply> {
    const path = `${pathOf(spec)}:${verb}`;
    assertSendable(body, path, this.#options.maxSendBytes);
    return ({ signal }) => this.#send({ method: 'POST', path, body }, signal);
  }

  /** @throws ServingError for an answer that says that there is none. */
  async #send(question: HttpQuestion, signal: Attempt['signal']): Promise<HttpReply> {
    const reply = await this.#caller.send(question, signal);
    if (reply.status === 200) return reply;
    throw restFailure(reply, `${question.method} ${question.path} of ${this.#options.address.text}`);
  }

  async #getMetadata(path: string, spec: ModelSpec, signal: Attempt['signal']): Promise<VersionMetadata> {
    const reply = await this.#send({ method: 'GET', path: `${path}/metadata` }, signal);
    return this.#read(reply, `${path}/metadata`, (bytes) => readMetadataJson(bytes, spec));
  }

  #read<T>(reply: HttpReply, method: string, read: (bytes: Uint8Array) => T): T {
    return readAnswer(reply.body, { method, address: this.#options.address.text }, read);
  }
}

function pathOf({ model, version, label }: ModelSpec): string {
  const path = `/v1/models/${encodeURIComponent(model)}`;
  if (version !== undefined) return `${path}/versions/${version}`;
  return label === undefined ? path : `${path}/labels/${encodeURIComponent(label)}`;
}

/** By the header that `servable` sends; else the version that was asked for, if one was. */
function answererOf({ headers }: HttpReply, { model, version }: ModelSpec): AnsweringVersion {
  const told = headers['x-model-version'];
  const number = typeof told === 'string' && /^\d+$/.test(told) ? Number(told) : undefined;
  return { model, version: number ?? version };
}

function notOverRest(method: string): ServingError {
  const text = `${method} is not part of TensorFlow Serving's REST API, expected an address with grpc://, grpcs:// or unix:`;
  return new ServingError('UNIMPLEMENTED', text);
}
