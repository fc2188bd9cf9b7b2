// TF Serving's gRPC API, embedded: a client that reloads what is served, asks by a label, and watches a model's health.
import { resolve } from 'node:path';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ModelServer } from 'servable';
import { createGrpcServer } from 'servable/grpc';

const basePath = resolve('examples/models/digits');
const server = await new ModelServer({ models: [{ name: 'digits', basePath }] }).start();
const grpcServer = createGrpcServer(server);
const { address } = await grpcServer.listen('127.0.0.1:0');

const protos = [
  'tensorflow_serving/apis/prediction_service.proto',
  'tensorflow_serving/apis/model_service.proto',
  'grpc/health/v1/health.proto',
];
const api = /** @type {any} */ (
  grpc.loadPackageDefinition(
    loadSync(protos, { includeDirs: ['protos'], keepCase: true, longs: Number, enums: String }),
  )
);
const insecure = grpc.credentials.createInsecure();
const predictions = new api.tensorflow.serving.PredictionService(address, insecure);
const models = new api.tensorflow.serving.ModelService(address, insecure);
const health = new api.grpc.health.v1.Health(address, insecure);

/**
 * @param {any} client
 * @param {string} method
 * @param {object} request
 * @returns {Promise<any>}
 */
const call = (client, method, request) =>
  new Promise((done, fail) => {
    const deadline = Date.now() + 10_000;
    client[method](request, { deadline }, (/** @type {unknown} */ error, /** @type {unknown} */ answer) =>
      error ? fail(error) : done(answer),
    );
  });

// Serve two versions, with labels: one request does it all, and is answered when it is so.
await call(models, 'handleReloadConfigRequest', {
  config: {
    model_config_list: {
      config: [
        {
          name: 'digits',
          base_path: basePath,
          model_platform: 'onnx',
          model_version_policy: { specific: { versions: [1, 2] } },
          version_labels: { stable: 1, canary: 2 },
        },
      ],
    },
  },
});
const { model_version_status: versions } = await call(models, 'getModelStatus', {
  model_spec: { name: 'digits' },
});
const available = versions.filter((/** @type {any} */ { state }) => state === 'AVAILABLE');
console.log(available.map((/** @type {any} */ { version }) => version)); // [ 2, 1 ]

const pixels = { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 2 }, { size: 64 }] }, float_val: [0] };
const { model_spec, outputs } = await call(predictions, 'predict', {
  model_spec: { name: 'digits', version_label: 'canary' },
  inputs: { pixels },
});
const shape = outputs.probabilities.tensor_shape.dim.map((/** @type {any} */ { size }) => size);
console.log(model_spec.version.value, shape); // 2 [ 2, 10 ]

const { status } = await call(health, 'check', { service: 'digits' });
console.log(status); // SERVING

const refused = await call(predictions, 'predict', { model_spec: { name: 'letters' } }).catch(
  (error) => error,
);
console.log(refused.code, refused.details); // 5 Servable not found for request: Latest(letters)

for (const client of [predictions, models, health]) client.close();
await grpcServer.close();
await server.close();
