// Hot path: once for each request. Guarded by bench/predict-overhead.mjs.
import type { RunRequest, Servable } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import { checkInputs, findSignature, selectOutputs } from '../core/signature-check.js';
import type { TensorMap } from '../core/tensor.js';
import { captureTensors } from '../request-log/capture-tensors.js';
import type { RequestLogs } from '../request-log/request-logs.js';
import { checkPriority, type Prediction, type PredictOptions } from '../routing/prediction.js';

/**
 * Makes the inputs of a request once it is known which version will answer it, and what it takes: for whoever has them in
 * another form first. What it throws, the request rejects with.
 */
export type InputsMaker = (signature: Signature, id: ServableId) => TensorMap;

/** What a request asks of a servable. */
export interface Question {
  /** The signature's name. */
  readonly signature: string | undefined;
  readonly inputs: TensorMap | InputsMaker;
  readonly options: PredictOptions;
  readonly signal: AbortSignal | undefined;
  readonly deadlineMs: number | undefined;
}

/** Checks a request, has it answered, and logs both where it is the request's turn. */
export async function answer(servable: Servable, question: Question, logs: RequestLogs): Promise<Prediction> {
  const { id } = servable;
  const { options, signal, deadlineMs } = question;
  const signature = findSignature(servable.signatures, question.signature);
  const inputs = typeof question.inputs === 'function' ? question.inputs(signature, id) : question.inputs;
  checkInputs(id, signature, inputs);
  const outputs = selectOutputs(id, signature, options.outputs);
  const priority = checkPriority(options.priority);
  const request = { signature, inputs, outputs, signal, priority, deadlineMs };
  if (logs.for(id.model)?.sample()) return await answerAndLog(servable, request, options.outputs, logs);
  return { id, outputs: await servable.run(request) };
}

async function answerAndLog(
  servable: Servable,
  request: RunRequest,
  outputFilter: readonly string[] | undefined,
  logs: RequestLogs,
): Promise<Prediction> {
  const { id } = servable;
  const inputs = captureTensors(request.inputs); // now: the caller may change them as soon as the run has begun
  const timestampSecs = Date.now() / 1000;
  const outputs = await servable.run(request);
  logs.for(id.model)?.offer({
    spec: { ...id, signature: request.signature.name },
    inputs,
    ...(outputFilter && { outputFilter }),
    outputs: captureTensors(outputs),
    timestampSecs,
  });
  return { id, outputs };
}
