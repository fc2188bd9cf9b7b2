import { invalidArgument } from '../../core/errors.js';
import { decodeExamples } from '../../wire/decode-examples.js';
import { decodeMessage, tensorflow } from '../../wire/messages.js';
import type { ClientPatience, InferenceTask, TaskResult } from '../serving-api.js';
import { classificationResult } from './classify.js';
import type { Method, MethodParts } from './method.js';
import { specMessage, specOf } from './model-spec.js';
import { regressionResult } from './regress.js';

const { MultiInferenceRequest, MultiInferenceResponse } = tensorflow.serving;

/** What tasks call the methods that they may have. */
const methods: ReadonlyMap<string, string> = new Map([
  ['tensorflow/serving/classify', 'classify'],
  ['tensorflow/serving/regress', 'regress'],
]);

/** MultiInference. Source: TF Serving, servables/tensorflow/multi_inference.cc. */
export function multiInferenceMethod({ server }: MethodParts): Method {
  return async (bytes, { patience, takeBytes }) => {
    const request = decodeMessage('MultiInferenceRequest', MultiInferenceRequest, bytes);
    const tasks = request.tasks.map((task) => taskOf(task, patience));
    const examples = decodeExamples(request.input, { takeBytes });
    const { id, results } = await server.multiInference(tasks, examples, patience);
    return MultiInferenceResponse.encode({
      results: results.map((result) => ({
        model_spec: specMessage(id, result.signature),
        ...resultOf(result),
      })),
    }).finish();
  };
}

/** A method that is none of them is refused by the server, by the name that came. */
function taskOf(
  { model_spec, method_name: name }: tensorflow.serving.InferenceTask.$Properties,
  patience: ClientPatience,
): InferenceTask {
  if (!model_spec?.name) throw invalidArgument('Found ModelSpec with an empty model name.');
  const method = methods.get(name ?? '') ?? name ?? '';
  return { spec: specOf(model_spec, patience), method: method as InferenceTask['method'] };
}

function resultOf(result: TaskResult): tensorflow.serving.InferenceResult.$Properties {
  return result.method === 'classify'
    ? { classification_result: classificationResult(result.results) }
    : { regression_result: regressionResult(result.values) };
}
