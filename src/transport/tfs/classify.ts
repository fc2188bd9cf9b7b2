import { decodeExamples } from '../../wire/decode-examples.js';
import { decodeMessage, tensorflow } from '../../wire/messages.js';
import type { ClassScore } from '../serving-api.js';
import { checkMethod } from './check-method.js';
import type { Method, MethodParts } from './method.js';
import { specMessage, specOf } from './model-spec.js';

const { ClassificationRequest, ClassificationResponse } = tensorflow.serving;

/** Classify. Source: TF Serving, servables/tensorflow/classifier.cc. */
export function classifyMethod(parts: MethodParts): Method {
  const { server } = parts;
  return async (bytes, { patience, takeBytes }) => {
    const request = decodeMessage('ClassificationRequest', ClassificationRequest, bytes);
    const spec = specOf(request.model_spec, patience);
    checkMethod(parts, spec, 'classify');
    const examples = decodeExamples(request.input, { takeBytes });
    const { id, signature, results } = await server.classify(spec, examples, patience);
    return ClassificationResponse.encode({
      model_spec: specMessage(id, signature),
      result: classificationResult(results),
    }).finish();
  };
}

export function classificationResult(
  results: readonly (readonly ClassScore[])[],
): tensorflow.serving.ClassificationResult.$Properties {
  return { classifications: results.map((classes) => ({ classes: classes as ClassScore[] })) };
}
