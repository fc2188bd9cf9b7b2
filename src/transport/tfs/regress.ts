import { decodeExamples } from '../../wire/decode-examples.js';
import { decodeMessage, tensorflow } from '../../wire/messages.js';
import { checkMethod } from './check-method.js';
import type { Method, MethodParts } from './method.js';
import { specMessage, specOf } from './model-spec.js';

const { RegressionRequest, RegressionResponse } = tensorflow.serving;

/** Regress. Source: TF Serving, servables/tensorflow/regressor.cc. */
export function regressMethod(parts: MethodParts): Method {
  const { server } = parts;
  return async (bytes, { patience, takeBytes }) => {
    const request = decodeMessage('RegressionRequest', RegressionRequest, bytes);
    const spec = specOf(request.model_spec, patience);
    checkMethod(parts, spec, 'regress');
    const examples = decodeExamples(request.input, { takeBytes });
    const { id, signature, values } = await server.regress(spec, examples, patience);
    return RegressionResponse.encode({
      model_spec: specMessage(id, signature),
      result: regressionResult(values),
    }).finish();
  };
}

export function regressionResult(values: ArrayLike<number>): tensorflow.serving.RegressionResult.$Properties {
  return { regressions: Array.from(values, (value) => ({ value })) };
}
