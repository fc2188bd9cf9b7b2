import type { Examples } from '../../core/example.js';
import { examplesToInputs } from '../../core/examples-to-inputs.js';
import type { RunRequest, Servable } from '../../core/servable.js';
import type { Signature } from '../../core/signature.js';
import { checkInputs } from '../../core/signature-check.js';
import type { TensorMap } from '../../core/tensor.js';
import { checkPriority } from '../../routing/prediction.js';
import type { Terms } from '../ask.js';
import { type LoggedAs, runAndLog } from '../run-and-log.js';
import type { InferenceOptions } from './inference-options.js';

/** One run, and what it is logged as. */
export interface ExampleRun {
  readonly request: RunRequest;
  readonly loggedAs: readonly LoggedAs[];
}

/** A request with examples, and how it is to be answered. */
export interface ExampleQuestion {
  readonly examples: Examples;
  readonly options: InferenceOptions;
}

/** Reads the examples; the caller may change them when this returns. @throws ServingError where they do not fit. */
export function prepareRun(
  servable: Servable,
  plan: { readonly signature: Signature; readonly outputs: readonly string[] },
  { examples, options }: ExampleQuestion,
  { signal, deadlineMs, clock, record }: Terms,
): RunRequest {
  const inputs = examplesToInputs(plan.signature, examples);
  checkInputs(servable.id, plan.signature, inputs);
  const priority = checkPriority(options.priority);
  record.rows = examples.length;
  record.handedOverMs ??= clock.now();
  // The inputs are ours, so they may be moved to the thread as they are.
  return { ...plan, inputs, signal, deadlineMs, priority, givesInputs: true, origin: record };
}

/** Runs it, and logs it where it is its turn. */
export function runExamples(
  servable: Servable,
  { request, loggedAs }: ExampleRun,
  { logs }: Terms,
): Promise<TensorMap> {
  if (logs.for(servable.id.model)?.sample()) return runAndLog(servable, request, loggedAs, logs);
  return servable.run(request);
}
