// Hot path: once for each call over gRPC. Guarded by bench/client/predict.mjs.
import { ServingError } from '../../core/errors.js';
import type { Example } from '../../core/example.js';
import type { ModelSpec } from '../../core/model-spec.js';
import type { TensorMap } from '../../core/tensor.js';
import { grpc } from '../../wire/messages.js';
import type {
  Classification,
  CounterIncreases,
  MultiInference,
  Prediction,
  Regression,
  ReloadedModel,
  VersionMetadata,
  VersionStatus,
} from '../answers.js';
import type { ResolvedClientOptions } from '../client-options.js';
import { readAnswer } from '../read-answer.js';
import { assertSendable } from '../sendable.js';
import type { Question, Wire, WireTask } from '../wire.js';
import { ChannelPool } from './channel-pool.js';
import * as answers from './grpc-answers.js';
import * as requests from './grpc-requests.js';

const prediction = '/tensorflow.serving.PredictionService';
const model = '/tensorflow.serving.ModelService';

/** TF Serving's API over gRPC. */
export class GrpcWire implements Wire {
  readonly #pool: ChannelPool;
  readonly #options: ResolvedClientOptions;

  constructor(options: ResolvedClientOptions) {
    this.#options = options;
    this.#pool = new ChannelPool(options);
  }

  predict(spec: ModelSpec, inputs: TensorMap, outputs: readonly string[] | undefined): Question<Prediction> {
    const request = requests.predictRequest(spec, inputs, outputs);
    return this.#question(`${prediction}/Predict`, request, (bytes) => answers.readPrediction(bytes, spec));
  }

  classify(spec: ModelSpec, examples: readonly Example[]): Question<Classification> {
    const request = requests.examplesRequest(spec, examples);
    return this.#question(`${prediction}/Classify`, request, (bytes) =>
      answers.readClassification(bytes, spec),
    );
  }

  regress(spec: ModelSpec, examples: readonly Example[]): Question<Regression> {
    const request = requests.examplesRequest(spec, examples);
    return this.#question(`${prediction}/Regress`, request, (bytes) => answers.readRegression(bytes, spec));
  }

  multiInference(tasks: readonly WireTask[], examples: readonly Example[]): Question<MultiInference> {
    const request = requests.multiInferenceRequest(tasks, examples);
    return this.#question(`${prediction}/MultiInference`, request, (bytes) =>
      answers.readMultiInference(bytes, tasks),
    );
  }

  status(spec: ModelSpec): Question<readonly VersionStatus[]> {
    return this.#question(`${model}/GetModelStatus`, requests.statusRequest(spec), (bytes) =>
      answers.readStatus(bytes, spec),
    );
  }

  metadata(spec: ModelSpec): Question<VersionMetadata> {
    return this.#question(`${prediction}/GetModelMetadata`, requests.metadataRequest(spec), (bytes) =>
      answers.readMetadata(bytes, spec),
    );
  }

  reloadConfig(models: readonly ReloadedModel[], counters: readonly string[]): Question<CounterIncreases> {
    const request = requests.reloadRequest(models, counters);
    return this.#question(`${model}/HandleReloadConfigRequest`, request, answers.readReload);
  }

  /** A server without the service, or without this name in it, does not say. */
  health(name = ''): Question<boolean | undefined> {
    const request = grpc.health.v1.HealthCheckRequest.encode({ service: name }).finish();
    const ask = this.#question('/grpc.health.v1.Health/Check', request, answers.readHealth);
    return async (attempt) => {
      try {
        return await ask(attempt);
      } catch (error) {
        const { code } = ServingError.from(error);
        if (code === 'UNIMPLEMENTED' || code === 'NOT_FOUND') return undefined;
        throw error;
      }
    };
  }

  close(): void {
    this.#pool.close();
  }

  #question<T>(path: string, request: Uint8Array, read: (bytes: Uint8Array) => T): Question<T> {
    const { address, maxSendBytes } = this.#options;
    const place = { method: path.slice(path.lastIndexOf('/') + 1), address: address.text };
    assertSendable(request, place.method, maxSendBytes);
    return async (attempt) => {
      const bytes = await this.#pool.call(path, request, attempt);
      return readAnswer(bytes, place, read);
    };
  }
}
