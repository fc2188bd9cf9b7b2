import { ServingError, type StatusCode } from '../../core/errors.js';
import { formatServableId, type ServableId } from '../../core/servable-id.js';
import { OrtError } from './c-api.js';

/** Canonical codes of failed loads, by `OrtErrorCode`. What is not listed is the model's fault as a whole. */
const loadCodes: Readonly<Record<number, StatusCode>> = {
  2: 'INVALID_ARGUMENT', // ORT_INVALID_ARGUMENT
  3: 'NOT_FOUND', // ORT_NO_SUCHFILE
  4: 'NOT_FOUND', // ORT_NO_MODEL
  7: 'DATA_LOSS', // ORT_INVALID_PROTOBUF
  9: 'UNIMPLEMENTED', // ORT_NOT_IMPLEMENTED
  12: 'CANCELLED', // ORT_MODEL_LOAD_CANCELED
};

/** Canonical codes of failed runs, by `OrtErrorCode`. What is not listed is nobody's fault but ours. */
const runCodes: Readonly<Record<number, StatusCode>> = {
  2: 'INVALID_ARGUMENT',
  9: 'UNIMPLEMENTED',
};

const outOfMemory =
  /bad_alloc|bad allocation|failed to allocate memory|available memory of|out of memory|_ALLOC_FAILED/i;

/** What an arena says that has come to its limit; undefined where the text says something else. */
export function arenaFull(
  message: string,
): { readonly freeBytes: number; readonly neededBytes: number } | undefined {
  const found = /Available memory of (\d+) is smaller than requested bytes of (\d+)/.exec(message);
  return found === null ? undefined : { freeBytes: Number(found[1]), neededBytes: Number(found[2]) };
}

export function isArenaFull(error: unknown): error is OrtError {
  return error instanceof OrtError && arenaFull(error.message) !== undefined;
}

/** True where a run ended because it was told to. onnxruntime gives this no code of its own. */
export function isTerminated(error: unknown): boolean {
  return error instanceof OrtError && error.message.includes('terminate flag');
}

/** What a failed load of a version is reported as. */
export function loadError(id: ServableId, error: unknown): ServingError {
  return translate('load', loadCodes, 'FAILED_PRECONDITION', id, error);
}

/** What a failed run of a version is reported as. */
export function runError(id: ServableId, error: unknown): ServingError {
  return translate('run', runCodes, 'INTERNAL', id, error);
}

function translate(
  action: string,
  codes: Readonly<Record<number, StatusCode>>,
  otherwise: StatusCode,
  id: ServableId,
  error: unknown,
): ServingError {
  if (error instanceof ServingError) {
    return new ServingError(error.code, prefix(action, id, error), { ...error.facts, id, cause: error });
  }
  if (!(error instanceof OrtError)) return ServingError.from(error);
  const code = outOfMemory.test(error.message) ? 'RESOURCE_EXHAUSTED' : (codes[error.ortCode] ?? otherwise);
  return new ServingError(code, prefix(action, id, error), { id, cause: error });
}

function prefix(action: string, id: ServableId, error: Error): string {
  return `Cannot ${action} ${formatServableId(id)}: ${error.message}`;
}
