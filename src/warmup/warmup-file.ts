import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { invalidArgument, ServingError } from '../core/errors.js';
import { examplesToInputs } from '../core/examples-to-inputs.js';
import type { Servable } from '../core/servable.js';
import { findSignature } from '../core/signature-check.js';
import type { LoggedRequest } from '../wire/decode-request.js';
import { encodePredictLog } from '../wire/predict-log.js';
import { readRecordFile } from '../wire/read-record-file.js';
import { frameRecord, warmupAdvice } from '../wire/tfrecord.js';
import type { WarmupRequest } from './warmup-request.js';

/** Where TF Serving looks for it in a version directory (servables/tensorflow/saved_model_warmup_util.h). */
export const warmupFile = join('assets.extra', 'tf_serving_warmup_requests');

/** Records that a file may have, as in TF Serving. */
export const mostRecords = 1000;

/**
 * The requests in the warm-up file of a version directory, one after the other; none where there is no file.
 *
 * @throws ServingError DATA_LOSS, INVALID_ARGUMENT or UNIMPLEMENTED for what is no warm-up file, in TF Serving's words; and
 *   what the signatures of the servable have to say of a record.
 */
export async function* readWarmupRequests(
  servable: Servable,
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<WarmupRequest> {
  const file = join(path, warmupFile);
  let records = 0;
  for await (const requests of readLoggedRequests(servable, file, { signal })) {
    if (requests.length > 0 && ++records > mostRecords) throw tooMany(file);
    yield* requests;
  }
}

/**
 * The requests in a file of PredictionLogs, a request log or a warm-up file, by its records: most hold one request, some
 * several or none.
 *
 * @param options.model the model whose requests are wanted, where the file has those of several. @default undefined: all
 * @throws ServingError as `readWarmupRequests`.
 */
export async function* readLoggedRequests(
  servable: Servable,
  file: string,
  { signal, model }: { readonly signal?: AbortSignal | undefined; readonly model?: string | undefined } = {},
): AsyncGenerator<readonly WarmupRequest[]> {
  // Loaded where there is such a file: a program without should not pay the 20 ms.
  const { decodeRequest } = await import('../wire/decode-request.js');
  for await (const record of readRecordFile(file, { signal, advice: warmupAdvice })) {
    const request = decode(decodeRequest, record, file);
    if (model === undefined || isTo(model, request)) yield requestsOf(servable, request);
  }
}

function decode(
  decodeRequest: (record: Uint8Array) => LoggedRequest,
  record: Uint8Array,
  file: string,
): LoggedRequest {
  try {
    return decodeRequest(record);
  } catch (cause) {
    const { message } = cause as Error;
    throw invalidArgument(`Failed to parse warmup record: ${message} in ${file}`, { cause });
  }
}

function isTo(model: string, request: LoggedRequest): boolean {
  if ('spec' in request) return request.spec.model === model;
  return 'specs' in request && request.specs.every((spec) => spec.model === model);
}

/** What a record asks for; a multi-inference asks several signatures, with the same examples. */
function requestsOf(servable: Servable, record: LoggedRequest): readonly WarmupRequest[] {
  switch (record.kind) {
    case 'predict': {
      const { spec, inputs, outputFilter } = record;
      return [{ ...named(spec), inputs, ...(outputFilter.length > 0 && { outputs: outputFilter }) }];
    }
    case 'classify':
    case 'regress':
      return [withExamples(servable, record.spec, record.examples)];
    case 'multi-inference':
      return record.specs.map((spec) => withExamples(servable, spec, record.examples));
    case 'unsupported':
      throw new ServingError('UNIMPLEMENTED', `Unsupported log_type for warmup: ${record.logType}`);
    case 'none':
      return [];
    default:
      return record satisfies never;
  }
}

type Spec = Extract<LoggedRequest, { readonly kind: 'predict' }>['spec'];
type Examples = Extract<LoggedRequest, { readonly kind: 'classify' | 'regress' }>['examples'];

function named({ signature }: Spec): { readonly signature?: string } {
  return signature === '' ? {} : { signature };
}

function withExamples(servable: Servable, spec: Spec, examples: Examples): WarmupRequest {
  const signature = findSignature(servable.signatures, named(spec).signature);
  return { ...named(spec), inputs: examplesToInputs(signature, examples) };
}

function tooMany(file: string): ServingError {
  return invalidArgument(`Number of warmup records exceeds the maximum (${mostRecords}) at ${file}`);
}

/**
 * Writes a warm-up file into a version directory; `<directory>/assets.extra/tf_serving_warmup_requests` is there as a whole or
 * not at all. TF Serving reads it too.
 *
 * @throws ServingError INVALID_ARGUMENT for more than 1000 requests, which TF Serving refuses to load; UNAVAILABLE where it
 *   cannot be written.
 *
 * @example
 * ```ts
 * import { tensor, writeWarmupFile } from 'servable';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const pixels = tensor('float32', [1, 64], new Float32Array(64));
 * await writeWarmupFile(join(tmpdir(), 'digits', '4'), [{ inputs: { pixels } }]);
 * ```
 */
export async function writeWarmupFile(directory: string, requests: readonly WarmupRequest[]): Promise<void> {
  if (requests.length > mostRecords) {
    throw invalidArgument(
      `Cannot write ${requests.length} warm-up requests, expected at most ${mostRecords}`,
    );
  }
  const file = join(directory, warmupFile);
  const temporary = `${file}.${process.pid}.tmp`;
  const bytes = Buffer.concat(requests.map((request) => frameRecord(encodeRequest(request))));
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(temporary, bytes);
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // what was wrong with it is said below
    throw new ServingError('UNAVAILABLE', `Cannot write ${file}: ${(cause as Error).message}`, { cause });
  }
}

function encodeRequest({ signature = 'serving_default', inputs, outputs = [] }: WarmupRequest): Uint8Array {
  return encodePredictLog({ spec: { model: '', signature }, inputs, outputFilter: outputs });
}
