import type { Server } from '@grpc/grpc-js';
import type { ByteBudget } from '../byte-budget.js';
import { classifyMethod } from '../tfs/classify.js';
import type { Method, MethodParts } from '../tfs/method.js';
import { modelMetadataMethod } from '../tfs/model-metadata.js';
import { modelStatusMethod } from '../tfs/model-status.js';
import { multiInferenceMethod } from '../tfs/multi-inference.js';
import { predictMethod } from '../tfs/predict.js';
import { regressMethod } from '../tfs/regress.js';
import { reloadConfigMethod } from '../tfs/reload-config.js';
import { bytesService } from './service.js';
import { type UnaryParts, unary } from './unary.js';

type Methods = Readonly<Record<string, Method>>;

/** Adds TF Serving's services. SessionService is not among them, as TF Serving does not register it either. */
export function addTfsServices(grpcServer: Server, parts: MethodParts, budget: ByteBudget): void {
  const watch = parts.server.wires;
  const add = (name: string, methods: Methods) => addService(grpcServer, name, methods, { budget, watch });
  add('tensorflow.serving.PredictionService', {
    Predict: predictMethod(parts),
    Classify: classifyMethod(parts),
    Regress: regressMethod(parts),
    MultiInference: multiInferenceMethod(parts),
    GetModelMetadata: modelMetadataMethod(parts),
  });
  add('tensorflow.serving.ModelService', {
    GetModelStatus: modelStatusMethod(parts),
    HandleReloadConfigRequest: reloadConfigMethod(parts),
  });
}

function addService(grpcServer: Server, name: string, methods: Methods, parts: UnaryParts): void {
  const definition = bytesService(name, Object.fromEntries(Object.keys(methods).map((each) => [each, {}])));
  const handlers = Object.entries(methods).map(([api, answer]) => [api, unary(answer, { ...parts, api })]);
  grpcServer.addService(definition, Object.fromEntries(handlers));
}
