import { describeValue } from '../core/describe.js';
import { invalidArgument } from '../core/errors.js';
import { toModelSpec } from '../core/model-spec.js';
import { assertObject, assertOneOf, assertString, optionError } from '../core/option-check.js';
import { isValues } from '../core/signature-check.js';
import { assertTensor, type TensorMap } from '../core/tensor.js';
import type { InferenceTask, ReloadedModel } from './answers.js';
import type { WireTask } from './wire.js';

/** @throws ServingError INVALID_ARGUMENT for the first thing that is no tensor. */
export function assertTensors(inputs: unknown): asserts inputs is TensorMap {
  if (!isValues(inputs)) {
    const expected = 'an object of tensors by alias';
    throw invalidArgument(`Cannot use inputs: got ${describeValue(inputs)}, expected ${expected}`, {
      expected,
    });
  }
  for (const [alias, value] of Object.entries(inputs)) assertTensor(value, alias);
}

/** @throws ServingError INVALID_ARGUMENT for what is no list of aliases. */
export function assertAliases(outputs: unknown): void {
  if (outputs === undefined) return;
  if (Array.isArray(outputs) && outputs.every((alias) => typeof alias === 'string')) return;
  throw optionError('outputs', describeValue(outputs), 'an array of aliases');
}

/** @throws ServingError INVALID_ARGUMENT for what are no tasks. */
export function toTasks(tasks: readonly InferenceTask[]): readonly WireTask[] {
  if (!Array.isArray(tasks) || tasks.length === 0) {
    throw invalidArgument(`Cannot use tasks: got ${describeValue(tasks)}, expected an array of at least one`);
  }
  return tasks.map(({ spec, method }: InferenceTask) => {
    assertOneOf(method, 'tasks[].method', ['classify', 'regress']);
    return { spec: toModelSpec(spec), method };
  });
}

/** @throws ServingError INVALID_ARGUMENT for what is no list of models with names and base paths. */
export function assertModels(models: readonly ReloadedModel[]): void {
  if (!Array.isArray(models)) throw optionError('models', describeValue(models), 'an array of models');
  for (const [place, model] of models.entries()) {
    assertObject(model, `models[${place}]`);
    const { name, basePath } = model as Partial<ReloadedModel>;
    assertString(name, `models[${place}].name`);
    assertString(basePath, `models[${place}].basePath`);
  }
}
