// Hot path: once for each request. Guarded by bench/predict-overhead.mjs.
import { commonRowCount } from '../core/rows.js';
import type { Servable } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import { checkInputs, findSignature, selectOutputs } from '../core/signature-check.js';
import type { TensorMap } from '../core/tensor.js';
import { checkPriority, type Prediction, type PredictOptions } from '../routing/prediction.js';
import type { Terms } from './ask.js';
import { runAndLog } from './run-and-log.js';

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
}

/** Checks a request, has it answered, and logs both where it is the request's turn. */
export async function answer(servable: Servable, question: Question, terms: Terms): Promise<Prediction> {
  const { id } = servable;
  const { options } = question;
  const { signal, deadlineMs, logs, clock, record } = terms;
  const signature = findSignature(servable.signatures, question.signature);
  const inputs = typeof question.inputs === 'function' ? question.inputs(signature, id) : question.inputs;
  checkInputs(id, signature, inputs);
  const outputs = selectOutputs(id, signature, options.outputs);
  const priority = checkPriority(options.priority);
  record.rows = commonRowCount(inputs) ?? 1;
  record.handedOverMs = clock.now();
  const request = { signature, inputs, outputs, signal, priority, deadlineMs, origin: record };
  if (logs.for(id.model)?.sample()) {
    const loggedAs = [{ signature: signature.name, outputFilter: options.outputs, outputsOf: asTheyAre }];
    return { id, outputs: await runAndLog(servable, request, loggedAs, logs) };
  }
  return { id, outputs: await servable.run(request) };
}

function asTheyAre(outputs: TensorMap): TensorMap {
  return outputs;
}
