import { describeValue } from '../../core/describe.js';
import { invalidArgument, ServingError } from '../../core/errors.js';
import { type ModelSpec, toModelSpec } from '../../core/model-spec.js';
import type { Servable } from '../../core/servable.js';
import { formatServableId } from '../../core/servable-id.js';
import { defaultSignatureName, type Signature } from '../../core/signature.js';
import type { Resolver } from '../../routing/resolver.js';
import { classifyMethod } from './classify-method.js';
import type { InferenceTask } from './multi-inference.js';
import { regressMethod } from './regress-method.js';

/** A task, before anything is known of the model. */
export interface GivenTask {
  readonly spec: ModelSpec;
  readonly method: unknown;
}

/** A task that its servable can do. */
export interface CheckedTask {
  readonly signature: Signature;
  readonly method: InferenceTask['method'];
  /** The aliases of the outputs that its result is made of. */
  readonly outputs: readonly string[];
}

/** The tasks as they came, one at least; the first names a model. @throws ServingError INVALID_ARGUMENT otherwise. */
export function toTasks(tasks: unknown): readonly [GivenTask, ...GivenTask[]] {
  if (!Array.isArray(tasks)) {
    throw invalidArgument(`Cannot infer: got ${describeValue(tasks)} as tasks, expected an array of tasks`);
  }
  const [first, ...others] = Array.from(tasks, toTask);
  if (first === undefined) throw invalidArgument('Inference request must have at least one task');
  if (first.spec.model === '') throw noModel();
  return [first, ...others];
}

function toTask(task: unknown, place: number): GivenTask {
  if (typeof task !== 'object' || task === null) {
    throw invalidArgument(`Cannot infer: task ${place} is ${describeValue(task)}, expected { spec, method }`);
  }
  const { spec, method } = task as Readonly<Record<string, unknown>>;
  return { spec: toModelSpec(spec as ModelSpec), method };
}

/**
 * Looks whether a servable can do all tasks, one after the other, as TF Serving does: before anything is run.
 *
 * @throws ServingError INVALID_ARGUMENT; UNIMPLEMENTED for a method that is neither.
 */
export function checkTasks(
  servable: Servable,
  tasks: readonly GivenTask[],
  resolver: Resolver,
): readonly CheckedTask[] {
  const { id, signatures } = servable;
  const names = new Set<string>();
  return tasks.map(({ spec, method }, place) => {
    if (spec.model === '') throw noModel();
    if (spec.model !== id.model) {
      throw invalidArgument('All ModelSpecs in a MultiInferenceRequest must access the same model name.');
    }
    assertSameVersion(servable, spec, place, resolver);
    const name = spec.signature || defaultSignatureName;
    if (names.has(name)) throw invalidArgument(`Duplicate evaluation of signature: ${name}`, { id });
    names.add(name);
    const signature = signatures.get(name);
    if (signature === undefined) {
      throw invalidArgument(`Requested signature not found in model graph: ${name}`, { id });
    }
    if (method === 'classify') return { signature, method, outputs: classifyMethod.outputsOf(id, signature) };
    if (method === 'regress') return { signature, method, outputs: regressMethod.outputsOf(id, signature) };
    const came = typeof method === 'string' ? method : describeValue(method);
    throw new ServingError('UNIMPLEMENTED', `Unsupported signature method_name: ${came}`, { id });
  });
}

function assertSameVersion({ id }: Servable, spec: ModelSpec, place: number, resolver: Resolver): void {
  const version = spec.label === undefined ? spec.version : resolver.resolve(spec).version;
  if (version === undefined || version === id.version) return;
  const expected = formatServableId(id);
  const actual = formatServableId({ model: id.model, version });
  throw invalidArgument(
    `All tasks of an inference request must mean the same version: task 0 means ${expected}, and task ${place} ${actual}`,
    { id, actual, expected },
  );
}

function noModel(): ServingError {
  return invalidArgument('Found ModelSpec with an empty model name.');
}
