import { cancelled, ServingError, type StatusCode } from '../core/errors.js';

const codes: Readonly<Record<string, StatusCode>> = {
  NoSuchKey: 'NOT_FOUND',
  NoSuchBucket: 'NOT_FOUND',
  NotFound: 'NOT_FOUND',
  AccessDenied: 'PERMISSION_DENIED',
  '404': 'NOT_FOUND',
  '403': 'PERMISSION_DENIED',
  '401': 'PERMISSION_DENIED',
};

/** What a package for a bucket's protocol threw, as an error of ours. What may pass is UNAVAILABLE. */
export function remoteError(what: string, error: unknown, signal: AbortSignal | undefined): ServingError {
  if (error instanceof ServingError) return error;
  if (signal?.aborted) return cancelled(signal);
  const { name, code, message, $metadata } = error as {
    readonly name?: string;
    readonly code?: string | number;
    readonly message?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  const found = [name, code, $metadata?.httpStatusCode].map((each) => codes[String(each)]).find(Boolean);
  return new ServingError(found ?? 'UNAVAILABLE', `Cannot ${what}: ${message ?? String(error)}`, {
    cause: error,
  });
}

/** The same bytes, whose errors are ours. */
export async function* remoteBytes(
  what: string,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    throw remoteError(what, error, signal);
  }
}
