import type { ServingError } from '../core/errors.js';
import type { Integer } from './model-config-message.js';

/**
 * @internal A 64-bit integer as a number of at least `min`; what is smaller, or too large for JavaScript to tell from its
 * neighbours (beyond 2^53 - 1), is `refuse`d with what came and what was wanted.
 */
export function toSafeInteger(value: Integer, min: number, refuse: (what: string) => ServingError): number {
  const number = Number(String(value));
  if (Number.isSafeInteger(number) && number >= min) return number;
  throw refuse(`got ${value}, expected an integer from ${min} to 2^53 - 1`);
}
