// Hot path: once for each predict request over REST. Guarded by bench/transport/rest/predict.mjs.
import { invalidArgument, ServingError } from '../../core/errors.js';
import type { ModelSpec } from '../../core/model-spec.js';
import { encodeOutputs } from '../../json/encode-outputs.js';
import { PredictBody } from '../../json/predict-body.js';
import type { ServingApi } from '../serving-api.js';
import type { Call } from '../tfs/method.js';
import { signatureName } from '../tfs/model-spec.js';
import { answered, type RestAnswer } from './rest-answer.js';
import type { RestTarget } from './route.js';

/** Predict. Source: TF Serving, model_servers/http_rest_api_handler.cc, `ProcessPredictRequest`. */
export async function restPredict(
  server: ServingApi,
  target: RestTarget,
  bytes: Uint8Array,
  { patience, takeBytes }: Call,
): Promise<RestAnswer> {
  const body = new PredictBody(bytes, takeBytes);
  const signature = body.signatureName();
  const spec = signature ? { ...target, signature } : target;
  let isRead = false;
  try {
    const { id, outputs } = await server.predict(
      spec,
      (wanted) => {
        isRead = true;
        return body.inputs(wanted);
      },
      patience,
    );
    return answered(encodeOutputs(outputs, body.form), id);
  } catch (error) {
    if (!isRead) void body.document; // what is no JSON is told first, whatever else is wrong
    throw inWordsOfRest(ServingError.from(error), spec);
  }
}

/** TF Serving says over REST in other words that there is no such signature. */
function inWordsOfRest(error: ServingError, spec: ModelSpec): ServingError {
  const name = signatureName(spec);
  if (error.message !== `Serving signature key "${name}" not found.`) return error;
  return invalidArgument(`Serving signature name: "${name}" not found in signature def`, error.facts);
}
