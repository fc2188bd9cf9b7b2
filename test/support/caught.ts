import { ServingError } from '#dist/core/errors.js';

/** What `action` throws, which must be a ServingError. */
export function caught(action: () => unknown): ServingError {
  try {
    action();
  } catch (error) {
    if (error instanceof ServingError) return error;
    throw error;
  }
  throw new Error('Nothing was thrown, expected a ServingError');
}
