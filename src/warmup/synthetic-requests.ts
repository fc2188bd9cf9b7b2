import { ServingError, type StatusCode } from '../core/errors.js';
import { makeRow, rowShapeChoices } from '../core/samples/sample-rows.js';
import { sampleScales } from '../core/samples/sample-values.js';
import type { Servable } from '../core/servable.js';
import type { Signature } from '../core/signature.js';
import type { WarmupRequest } from './warmup-request.js';

/** Made-up rows that are tried with a signature before it is believed that none would run. */
const mostTries = 60;

/** Errors that would have come whatever the inputs were. */
const foreign: ReadonlySet<StatusCode> = new Set(['CANCELLED', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED']);

/**
 * A request of one row for each signature of a version, made up: the first that the model runs. None for a signature whose
 * inputs are more than shapes and dtypes can say.
 *
 * @throws ServingError CANCELLED, UNAVAILABLE or RESOURCE_EXHAUSTED where a run fails so.
 */
export async function makeSyntheticRequests(
  servable: Servable,
  signal?: AbortSignal,
): Promise<WarmupRequest[]> {
  const requests: WarmupRequest[] = [];
  for (const signature of servable.signatures.values()) {
    const request = await findRequest(servable, signature, signal);
    if (request !== undefined) requests.push(request);
  }
  return requests;
}

async function findRequest(
  servable: Servable,
  signature: Signature,
  signal: AbortSignal | undefined,
): Promise<WarmupRequest | undefined> {
  const outputs = Object.keys(signature.outputs);
  let tries = 0;
  for (const inputs of madeUpInputs(signature)) {
    if (tries++ === mostTries) return undefined;
    try {
      await servable.run({ signature, inputs, outputs, signal });
      return { signature: signature.name, inputs };
    } catch (error) {
      if (error instanceof ServingError && foreign.has(error.code)) throw error;
    }
  }
  return undefined;
}

function* madeUpInputs(signature: Signature) {
  for (const scale of sampleScales(signature)) {
    for (const shapes of rowShapeChoices(signature)) yield makeRow(signature, shapes, scale, 0);
  }
}
