import { invalidArgument } from '../../core/errors.js';
import type { Servable } from '../../core/servable.js';
import { makeSyntheticRequests } from '../../warmup/synthetic-requests.js';
import { tileRows } from '../../warmup/tile-rows.js';
import { readLoggedRequests } from '../../warmup/warmup-file.js';
import type { WarmupRequest } from '../../warmup/warmup-request.js';
import { decodeJsonRequest, splitBodies } from '../model/json-request.js';
import { readBytes } from '../read-bytes.js';

/** Where the requests of a warm-up file come from; all that are given, in this order. */
export interface RequestSources {
  /** Files of JSON: bodies of TF Serving's REST API, one or one a line. */
  readonly json: readonly string[];
  /** Files of PredictionLogs: request logs, or other warm-up files. */
  readonly logs: readonly string[];
  /** The model whose requests are taken from these; undefined: all. */
  readonly loggedModel: string | undefined;
  /** Whether to make one up for each signature. */
  readonly isSynthetic: boolean;
  /** Numbers of rows to which each request is brought; none: as they come. */
  readonly batchSizes: readonly number[];
  /** Requests at most; those that come first are taken. */
  readonly limit: number;
}

/**
 * Collects the requests.
 *
 * @throws ServingError for what cannot be read, or does not fit the model; CommandError for a file that is not there.
 */
export async function collectRequests(
  servable: Servable,
  sources: RequestSources,
): Promise<readonly WarmupRequest[]> {
  const requests: WarmupRequest[] = [];
  for await (const request of sized(servable, sources)) {
    if (requests.length === sources.limit) break;
    requests.push(request);
  }
  return requests;
}

async function* sized(servable: Servable, sources: RequestSources): AsyncGenerator<WarmupRequest> {
  const { batchSizes } = sources;
  for await (const request of all(servable, sources)) {
    if (batchSizes.length === 0) yield request;
    for (const rows of batchSizes) {
      const inputs = tileRows(request.inputs, rows);
      if (inputs === undefined)
        throw invalidArgument(`Cannot bring a request to ${rows} rows: its inputs have no rows`);
      yield { ...request, inputs };
    }
  }
}

async function* all(
  servable: Servable,
  { json, logs, loggedModel: model, isSynthetic }: RequestSources,
): AsyncGenerator<WarmupRequest> {
  for (const file of json) {
    for (const body of splitBodies(await readBytes(file))) {
      const { form: _form, ...request } = decodeJsonRequest(body, servable.signatures);
      yield request;
    }
  }
  for (const file of logs) {
    for await (const requests of readLoggedRequests(servable, file, { model })) yield* requests;
  }
  if (isSynthetic) yield* await makeSyntheticRequests(servable);
}
