import { ServingError } from '#dist/core/errors.js';

/** What a promise rejects with, which must be a ServingError. */
export async function rejection(promise: Promise<unknown>): Promise<ServingError> {
  const outcome = await promise.then(
    () => new Error('Nothing was rejected, expected a ServingError'),
    (error: unknown) => error,
  );
  if (outcome instanceof ServingError) return outcome;
  throw outcome;
}
