import type { Servable } from '../../core/servable.js';
import type { Signature, TensorSpec } from '../../core/signature.js';
import { putTensor, type Tensor, type TensorMap } from '../../core/tensor.js';
import type { Terms } from '../ask.js';
import { type CheckedTask, checkTasks, type GivenTask } from './checked-tasks.js';
import { classifyMethod } from './classify-method.js';
import { type ExampleQuestion, type ExampleRun, prepareRun, runExamples } from './example-run.js';
import type { Inferred } from './inference-method.js';
import { inputKey, mergeSignatures } from './merge-signatures.js';
import type { InferenceResult, MultiInference } from './multi-inference.js';
import { regressMethod } from './regress-method.js';

/**
 * Asks several signatures at once: one run for all that have the same inputs.
 *
 * @throws ServingError as {@link checkTasks} before anything is run; else what the first task that fails has to say.
 */
export async function multiInfer(
  servable: Servable,
  tasks: readonly GivenTask[],
  question: ExampleQuestion,
  terms: Terms,
): Promise<MultiInference> {
  const { id } = servable;
  const checked = checkTasks(servable, tasks, terms.resolver);
  const groups = groupByInputs(checked).map((group) => new SharedRun(servable, group, question, terms));
  const examples = question.examples.length; // now: the caller may change the array
  const results = new Map<CheckedTask, InferenceResult>();
  for (const group of groups) {
    // One after the other: where one fails, none must be under way any more when the lease is given back.
    const outputs = await runExamples(servable, group, terms);
    for (const task of group.tasks) {
      const { signature } = task;
      results.set(task, toResult(task, { id, signature, examples, outputs: group.outputsOf(task, outputs) }));
    }
  }
  return { id, results: checked.map((task) => results.get(task) as InferenceResult) };
}

function groupByInputs(tasks: readonly CheckedTask[]): readonly (readonly CheckedTask[])[] {
  const groups = new Map<string, CheckedTask[]>();
  for (const task of tasks) {
    const key = inputKey(task.signature);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  return [...groups.values()];
}

function toResult({ method }: CheckedTask, inferred: Inferred): InferenceResult {
  const signature = inferred.signature.name;
  if (method === 'classify') return { signature, method, results: classifyMethod.resultOf(inferred) };
  return { signature, method, values: regressMethod.resultOf(inferred) };
}

/** A run that answers several tasks. */
class SharedRun implements ExampleRun {
  readonly tasks: readonly CheckedTask[];
  readonly request: ExampleRun['request'];
  readonly loggedAs: ExampleRun['loggedAs'];

  constructor(servable: Servable, tasks: readonly CheckedTask[], question: ExampleQuestion, terms: Terms) {
    this.tasks = tasks;
    const signature = mergeSignatures(
      servable,
      tasks.map((task) => task.signature),
    );
    const names = tasks.flatMap(({ signature: { outputs }, outputs: aliases }) =>
      aliases.map((alias) => specOf(outputs, alias).name),
    );
    this.request = prepareRun(servable, { signature, outputs: [...new Set(names)] }, question, terms);
    this.loggedAs = tasks.map((task) => ({
      signature: task.signature.name,
      outputFilter: task.outputs,
      outputsOf: (outputs) => this.outputsOf(task, outputs),
    }));
  }

  /** What a task wants of the outputs of the run, by the aliases of its signature. */
  outputsOf({ signature, outputs: aliases }: CheckedTask, outputs: TensorMap): TensorMap {
    const own: Record<string, Tensor> = {};
    for (const alias of aliases) {
      putTensor(own, alias, outputs[specOf(signature.outputs, alias).name] as Tensor);
    }
    return own;
  }
}

function specOf(outputs: Signature['outputs'], alias: string): TensorSpec {
  return outputs[alias] as TensorSpec;
}
