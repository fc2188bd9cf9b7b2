import type { Examples } from '../../core/example.js';
import type { ModelSpec } from '../../core/model-spec.js';
import type { Ask } from '../ask.js';
import { toTasks } from './checked-tasks.js';
import type { Classification } from './classification.js';
import { classifyMethod } from './classify-method.js';
import { infer } from './infer.js';
import type { InferenceOptions } from './inference-options.js';
import { multiInfer } from './multi-infer.js';
import type { InferenceTasks, MultiInference } from './multi-inference.js';
import { regressMethod } from './regress-method.js';
import type { Regression } from './regression.js';

/** `ModelServer.classify`, by a server's way of asking. */
export async function classify(
  ask: Ask,
  spec: ModelSpec | string,
  examples: Examples,
  options: InferenceOptions = {},
): Promise<Classification> {
  const { result, ...by } = await ask('classify', spec, options, (servable, { signature }, terms) =>
    infer(servable, signature, classifyMethod, { examples, options }, terms),
  );
  return { ...by, results: result };
}

/** `ModelServer.regress`, by a server's way of asking. */
export async function regress(
  ask: Ask,
  spec: ModelSpec | string,
  examples: Examples,
  options: InferenceOptions = {},
): Promise<Regression> {
  const { result, ...by } = await ask('regress', spec, options, (servable, { signature }, terms) =>
    infer(servable, signature, regressMethod, { examples, options }, terms),
  );
  return { ...by, values: result };
}

/** `ModelServer.multiInference`, by a server's way of asking. */
export async function multiInference(
  ask: Ask,
  tasks: InferenceTasks,
  examples: Examples,
  options: InferenceOptions = {},
): Promise<MultiInference> {
  const given = toTasks(tasks);
  return await ask('multi_inference', given[0].spec, options, (servable, _wanted, terms) =>
    multiInfer(servable, given, { examples, options }, terms),
  );
}
