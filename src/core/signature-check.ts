import { formatShape } from './describe.js';
import type { ServableId } from './servable-id.js';
import type { Signature, TensorSpec } from './signature.js';
import { defaultSignatureName } from './signature.js';
import type { Values } from './signature-errors.js';
import {
  badRequest,
  duplicateOutput,
  missingInput,
  noSuchOutput,
  noSuchSignature,
  unknownInput,
  wrongDType,
  wrongInputCount,
  wrongShape,
} from './signature-errors.js';
import type { Tensor } from './tensor.js';
import { assertTensor } from './tensor.js';

/** A signature as lists, made once: no request allocates the keys of a record. */
interface Plan {
  readonly inputs: readonly { readonly alias: string; readonly spec: TensorSpec }[];
  readonly outputs: readonly string[];
  readonly hasOptionalInputs: boolean;
}

const plans = new WeakMap<Signature, Plan>();

/**
 * The signature of that name; without a name, or with an empty one, `serving_default`.
 *
 * @throws ServingError FAILED_PRECONDITION where there is none.
 */
export function findSignature(signatures: ReadonlyMap<string, Signature>, name?: string): Signature {
  const wanted = name || defaultSignatureName;
  const signature = signatures.get(wanted);
  if (signature === undefined) throw noSuchSignature(signatures, wanted);
  return signature;
}

/**
 * The rows on axis 0 that all inputs have; undefined where they cannot share a batch: one is a scalar, they disagree,
 * or there are none. Hot path of every request: where nothing is wrong, nothing is allocated.
 *
 * Passes if every input of the signature is there, or may be left out, and nothing else is, and each is a tensor of
 * the dtype, rank and fixed axes that the model declares. Equally named axes are not compared, as
 * onnxruntime does not compare them either.
 *
 * @throws ServingError INVALID_ARGUMENT for the first thing that is wrong.
 */
export function checkInputs(id: ServableId, signature: Signature, inputs: unknown): number | undefined {
  if (!isValues(inputs)) throw badRequest(id, 'inputs', inputs, 'an object of tensors by alias');
  const plan = planOf(signature);
  const given = countOwn(inputs);
  assertCount(id, signature, inputs, given);
  let used = 0;
  let rows: number | undefined;
  let isBatchable = true;
  for (const { alias, spec } of plan.inputs) {
    if (!Object.hasOwn(inputs, alias)) {
      if (spec.isOptional) continue;
      throw missingInput(id, signature, alias, inputs);
    }
    const value = inputs[alias];
    assertTensor(value, alias);
    checkSpec(id, signature, alias, spec, value);
    const own = value.shape[0];
    if (own === undefined || (used > 0 && own !== rows)) isBatchable = false;
    rows = own;
    used++;
  }
  if (used !== given) throw unknownInput(id, signature, inputs);
  return isBatchable ? rows : undefined;
}

/**
 * Passes if a request brings every input of the signature that may not be left out, and nothing else, whatever the values.
 * For values that are not tensors yet: what nobody wants need not be decoded.
 *
 * @throws ServingError INVALID_ARGUMENT as `checkInputs` does.
 */
export function checkAliases(id: ServableId, signature: Signature, inputs: Values): void {
  const plan = planOf(signature);
  const given = countOwn(inputs);
  assertCount(id, signature, inputs, given);
  let used = 0;
  for (const { alias, spec } of plan.inputs) {
    if (Object.hasOwn(inputs, alias)) used++;
    else if (!spec.isOptional) throw missingInput(id, signature, alias, inputs);
  }
  if (used !== given) throw unknownInput(id, signature, inputs);
}

function assertCount(id: ServableId, signature: Signature, inputs: Values, given: number): void {
  const plan = planOf(signature);
  if (given > plan.inputs.length || (given < plan.inputs.length && !plan.hasOptionalInputs)) {
    throw wrongInputCount(id, signature, inputs);
  }
}

/**
 * The aliases of the outputs to compute, in the order asked for; of all outputs where none are asked for.
 *
 * @throws ServingError INVALID_ARGUMENT for an alias that is unknown or stands there twice; UNIMPLEMENTED for an
 *   output that cannot be returned as a tensor.
 */
export function selectOutputs(
  id: ServableId,
  signature: Signature,
  requested: readonly string[] | undefined,
): readonly string[] {
  if (requested === undefined) return allOutputs(id, signature);
  if (!Array.isArray(requested)) throw badRequest(id, 'outputs', requested, 'an array of aliases');
  if (requested.length === 0) return allOutputs(id, signature);
  const selected = new Set<string>();
  for (const alias of requested as readonly unknown[]) {
    if (typeof alias !== 'string') throw badRequest(id, 'one of outputs', alias, 'an alias');
    if (!Object.hasOwn(signature.outputs, alias)) throw noSuchOutput(id, signature, alias);
    if (selected.has(alias)) throw duplicateOutput(id, alias);
    selected.add(alias);
  }
  return [...selected];
}

function allOutputs(id: ServableId, signature: Signature): readonly string[] {
  const { outputs } = planOf(signature);
  const [unrepresentable] = Object.keys(signature.unrepresentableOutputs ?? {});
  // To leave it out would be to answer with nothing at all.
  if (outputs.length === 0 && unrepresentable !== undefined)
    throw noSuchOutput(id, signature, unrepresentable);
  return outputs;
}

function planOf(signature: Signature): Plan {
  const known = plans.get(signature);
  if (known !== undefined) return known;
  const inputs = Object.entries(signature.inputs).map(([alias, spec]) => ({ alias, spec }));
  const plan: Plan = {
    inputs,
    outputs: Object.freeze(Object.keys(signature.outputs)),
    hasOptionalInputs: inputs.some(({ spec }) => spec.isOptional === true),
  };
  plans.set(signature, plan);
  return plan;
}

/** @internal An object made of names and values: a Map or an array is one too, but nobody means it to be. */
export function isValues(inputs: unknown): inputs is Values {
  if (typeof inputs !== 'object' || inputs === null) return false;
  return !Array.isArray(inputs) && !(inputs instanceof Map) && !ArrayBuffer.isView(inputs);
}

/** As `Object.keys(values).length`, but without the array. */
function countOwn(values: Values): number {
  let count = 0;
  for (const name in values) if (Object.hasOwn(values, name)) count++;
  return count;
}

function checkSpec(
  id: ServableId,
  signature: Signature,
  alias: string,
  spec: TensorSpec,
  { dtype, shape }: Tensor,
): void {
  if (dtype !== spec.dtype) throw wrongDType(id, alias, signature, dtype);
  const declared = spec.shape;
  if (declared.length === 0) return;
  let fits = shape.length === declared.length;
  for (let axis = 0; fits && axis < declared.length; axis++) {
    fits = typeof declared[axis] !== 'number' || shape[axis] === declared[axis];
  }
  if (!fits) throw wrongShape(id, alias, spec, formatShape(shape));
}
