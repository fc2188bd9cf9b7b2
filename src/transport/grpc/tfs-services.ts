import type { Server } from '@grpc/grpc-js';
import { classifyMethod } from '../tfs/classify.js';
import type { Method, MethodParts } from '../tfs/method.js';
import { modelMetadataMethod } from '../tfs/model-metadata.js';
import { modelStatusMethod } from '../tfs/model-status.js';
import { multiInferenceMethod } from '../tfs/multi-inference.js';
import { predictMethod } from '../tfs/predict.js';
import { regressMethod } from '../tfs/regress.js';
import { reloadConfigMethod } from '../tfs/reload-config.js';
import { bytesService } from './service.js';
import { unary } from './unary.js';

/** Adds TF Serving's services. SessionService is not among them, as TF Serving does not register it either. */
export function addTfsServices(grpcServer: Server, parts: MethodParts): void {
  addService(grpcServer, 'tensorflow.serving.PredictionService', {
    Predict: predictMethod(parts),
    Classify: classifyMethod(parts),
    Regress: regressMethod(parts),
    MultiInference: multiInferenceMethod(parts),
    GetModelMetadata: modelMetadataMethod(parts),
  });
  addService(grpcServer, 'tensorflow.serving.ModelService', {
    GetModelStatus: modelStatusMethod(parts),
    HandleReloadConfigRequest: reloadConfigMethod(parts),
  });
}

function addService(grpcServer: Server, name: string, methods: Readonly<Record<string, Method>>): void {
  const definition = bytesService(name, Object.fromEntries(Object.keys(methods).map((each) => [each, {}])));
  const handlers = Object.entries(methods).map(([method, answer]) => [method, unary(answer)]);
  grpcServer.addService(definition, Object.fromEntries(handlers));
}
