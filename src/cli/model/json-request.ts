import { asBuffer } from '../../core/as-buffer.js';
import { invalidArgument, ServingError } from '../../core/errors.js';
import { examplesToInputs } from '../../core/examples-to-inputs.js';
import type { Signature } from '../../core/signature.js';
import { findSignature } from '../../core/signature-check.js';
import { skipSpace } from '../../json/characters.js';
import type { PredictForm } from '../../json/decoded-inputs.js';
import { decodeExamplesBody } from '../../json/examples-body.js';
import { objectOf, PredictBody } from '../../json/predict-body.js';
import type { WarmupRequest } from '../../warmup/warmup-request.js';

/** A request that came as the body of one over REST. */
export interface JsonRequest extends WarmupRequest {
  /** How its answer is written. */
  readonly form: PredictForm;
}

const forNothing = () => {}; // a command line has nobody to share memory with

/**
 * The request in a body of TF Serving's REST API: of predict (`instances` or `inputs`), or of classify and regress
 * (`examples`).
 *
 * @param fallback the signature where the body names none.
 * @throws ServingError INVALID_ARGUMENT for what does not fit, in TF Serving's words; FAILED_PRECONDITION for a signature that
 *   there is not.
 */
export function decodeJsonRequest(
  bytes: Uint8Array,
  signatures: ReadonlyMap<string, Signature>,
  fallback?: string,
): JsonRequest {
  const body = new PredictBody(bytes, forNothing);
  const name = body.signatureName() ?? fallback;
  const signature = findSignature(signatures, name);
  const isOfExamples = body.document.find(body.document.root, 'examples') !== undefined;
  const inputs = isOfExamples
    ? examplesToInputs(signature, decodeExamplesBody(bytes, forNothing).examples)
    : body.inputs(signature);
  return { signature: signature.name, inputs, form: isOfExamples ? 'columnar' : body.form };
}

/**
 * The bodies in a text, one after the other: one alone, or, as it is mostly written, one a line.
 *
 * @throws ServingError INVALID_ARGUMENT for what is no JSON object, with the line on which it begins.
 */
export function splitBodies(bytes: Uint8Array): readonly Uint8Array[] {
  const whole = asBuffer(bytes);
  const bodies: Uint8Array[] = [];
  for (let at = skipSpace(whole, 0); at < whole.length; ) {
    const rest = whole.subarray(at);
    const end = endOfObject(rest, () => lineAt(whole, at));
    bodies.push(rest.subarray(0, end));
    at = skipSpace(whole, at + end);
  }
  return bodies;
}

function endOfObject(bytes: Buffer, line: () => number): number {
  try {
    const document = objectOf(bytes);
    return document.endOf(document.root);
  } catch (cause) {
    const { message } = ServingError.from(cause);
    throw invalidArgument(`Cannot read the request on line ${line()}: ${message}`, { cause });
  }
}

function lineAt(bytes: Buffer, end: number): number {
  let line = 1;
  for (let at = bytes.indexOf(10); at >= 0 && at < end; at = bytes.indexOf(10, at + 1)) line++;
  return line;
}
