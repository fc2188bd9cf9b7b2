import { describeValue, quote } from './describe.js';
import type { DType } from './dtype.js';
import { invalidArgument, ServingError } from './errors.js';
import type { ServableId } from './servable-id.js';
import { formatServableId } from './servable-id.js';
import type { Signature, TensorSpec } from './signature.js';
import { tensorflowName } from './tensorflow-names.js';

// Texts that do not begin with "Cannot run" are TensorFlow Serving's, to the letter, as its clients match on them.
// Source: tensorflow_serving/servables/tensorflow/predict_util.cc and tensorflow/cc/saved_model/util.cc.

/** @internal What a request brings as inputs, before anything is known of the values. */
export type Values = Readonly<Record<string, unknown>>;

/** @internal */
export function noSuchSignature(signatures: ReadonlyMap<string, Signature>, name: string): ServingError {
  const facts = { expected: printSet(signatures.keys()), actual: name };
  return new ServingError('FAILED_PRECONDITION', `Serving signature key "${name}" not found.`, facts);
}

/** @internal */
export function badRequest(id: ServableId, subject: string, came: unknown, expected: string): ServingError {
  return cannotRun(id, subject, 'is', describeValue(came), expected);
}

/** @internal */
export function wrongShape(id: ServableId, input: string, spec: TensorSpec, actual: string): ServingError {
  return cannotRun(id, `input ${quote(input)}`, 'has shape', actual, formatSpec(spec), { input });
}

/** @internal With TensorFlow's own words at the end, as its clients look for them. */
export function wrongDType(id: ServableId, input: string, signature: Signature, actual: DType): ServingError {
  const spec = signature.inputs[input] as TensorSpec;
  const place = Object.keys(signature.inputs).indexOf(input);
  const [theirs, wanted] = [actual, spec.dtype].map(tensorflowName);
  const subject = `input ${quote(input)}`;
  const { message, facts } = cannotRun(id, subject, 'has dtype', actual, formatSpec(spec), { input });
  return invalidArgument(
    `${message} (Expects arg[${place}] to be ${wanted} but ${theirs} is provided)`,
    facts,
  );
}

/** @internal `float32 [rows,784]`. */
export function formatSpec({ dtype, shape }: TensorSpec): string {
  const dims = shape.map((dim, axis) => dim ?? (axis === 0 ? 'rows' : '?'));
  return shape.length === 0 ? dtype : `${dtype} [${dims.join()}]`;
}

/** @internal */
export function wrongInputCount(id: ServableId, { inputs: specs }: Signature, inputs: Values): ServingError {
  const given = Object.keys(inputs);
  const known = Object.keys(specs);
  const extra = given.filter((alias) => !Object.hasOwn(specs, alias));
  const absent = known.filter((alias) => !Object.hasOwn(inputs, alias) && !specs[alias]?.isOptional);
  const facts = { id, expected: printSet(known), actual: printSet(given) };
  return invalidArgument(
    `input size does not match signature: ${given.length}!=${known.length} len({${facts.actual}}) != ` +
      `len({${facts.expected}}). Sent extra: {${printSet(extra)}}. Missing but required: {${printSet(absent)}}.`,
    facts,
  );
}

/** @internal */
export function missingInput(
  id: ServableId,
  signature: Signature,
  input: string,
  inputs: Values,
): ServingError {
  const specs = signature.inputs;
  const known = Object.keys(specs);
  const optional = known.filter((alias) => specs[alias]?.isOptional);
  const facts = { id, input, expected: printSet(known), actual: printSet(Object.keys(inputs)) };
  return invalidArgument(
    `Signature input alias: ${input}(feed name: ${specs[input]?.name}) not found in request and no default value ` +
      `provided. Inputs expected to be in the request {${facts.actual}}, or default input alias set: ` +
      printSet(optional),
    facts,
  );
}

/** @internal */
export function unknownInput(id: ServableId, { inputs: specs }: Signature, inputs: Values): ServingError {
  const given = Object.keys(inputs);
  const used = given.filter((alias) => Object.hasOwn(specs, alias));
  const facts = { id, expected: printSet(Object.keys(specs)), actual: printSet(given) };
  return invalidArgument(
    `Inputs contains invalid name. Used request inputs: ${printSet(used)}, request input: ${facts.actual}`,
    facts,
  );
}

/** @internal An output that is not in the signature, or is there but is no tensor. */
export function noSuchOutput(id: ServableId, signature: Signature, output: string): ServingError {
  const unrepresentable = signature.unrepresentableOutputs ?? {};
  if (Object.hasOwn(unrepresentable, output)) {
    const actual = unrepresentable[output] as string;
    return cannotRun(id, `output ${quote(output)}`, 'is', actual, 'a tensor', { output }, 'UNIMPLEMENTED');
  }
  const expected = printSet(Object.keys(signature.outputs));
  return invalidArgument(
    `output tensor alias not found in signature: ${output} Outputs expected to be in the set {${expected}}.`,
    { id, output, expected, actual: output },
  );
}

/** @internal */
export function duplicateOutput(id: ServableId, output: string): ServingError {
  const facts = { id, output, expected: 'each alias once', actual: output };
  return invalidArgument(`duplicate output tensor alias: ${output}`, facts);
}

function cannotRun(
  id: ServableId,
  subject: string,
  verb: string,
  actual: string,
  expected: string,
  facts: { readonly input?: string; readonly output?: string } = {},
  code: 'INVALID_ARGUMENT' | 'UNIMPLEMENTED' = 'INVALID_ARGUMENT',
): ServingError {
  const message = `Cannot run ${formatServableId(id)}: ${subject} ${verb} ${actual}, expected ${expected}`;
  return new ServingError(code, message, { id, ...facts, expected, actual });
}

/** Names as TensorFlow Serving prints a set of them: sorted, with commas between. */
function printSet(names: Iterable<string>): string {
  return [...names].sort().join();
}
