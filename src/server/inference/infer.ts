import { ServingError } from '../../core/errors.js';
import type { Servable } from '../../core/servable.js';
import type { ServableId } from '../../core/servable-id.js';
import { defaultSignatureName, type Signature } from '../../core/signature.js';
import type { Terms } from '../ask.js';
import { type ExampleQuestion, prepareRun, runExamples } from './example-run.js';
import type { InferenceMethod } from './inference-method.js';

/**
 * Asks one signature in one way.
 *
 * @param name of the signature; the default one where it is empty or undefined
 * @throws ServingError INVALID_ARGUMENT where there is no such signature, as TF Serving has it here, and where anything
 *   does not fit; what the servable has to say.
 */
export async function infer<T>(
  servable: Servable,
  name: string | undefined,
  method: InferenceMethod<T>,
  question: ExampleQuestion,
  terms: Terms,
): Promise<{ readonly id: ServableId; readonly signature: string; readonly result: T }> {
  const { id } = servable;
  const signature = findSignature(servable, name || defaultSignatureName);
  const outputs = method.outputsOf(id, signature);
  const request = prepareRun(servable, { signature, outputs }, question, terms);
  const loggedAs = [{ signature: signature.name, outputFilter: outputs, outputsOf: asTheyAre }];
  const examples = question.examples.length; // now: the caller may change the array
  const answered = await runExamples(servable, { request, loggedAs }, terms);
  const result = method.resultOf({ id, signature, outputs: answered, examples });
  return { id, signature: signature.name, result };
}

function findSignature({ id, signatures }: Servable, name: string): Signature {
  const signature = signatures.get(name);
  if (signature !== undefined) return signature;
  const facts = { id, expected: [...signatures.keys()].sort().join(), actual: name };
  throw new ServingError('INVALID_ARGUMENT', `No signature was found with the name: ${name}`, facts);
}

function asTheyAre<T>(outputs: T): T {
  return outputs;
}
