import { invalidArgument, type ServingError } from '../../core/errors.js';
import { showValue } from '../../core/option-check.js';
import type { AspiredVersion } from '../source.js';

/**
 * What is wrong with what a source of the host's says of a model: it may be JavaScript of anybody's. Undefined where
 * nothing is.
 */
export function toldFault(model: string, versions: readonly AspiredVersion[]): ServingError | undefined {
  const wrong = (actual: unknown, expected: string) =>
    invalidArgument(
      `Cannot serve what the source of ${model} says: got ${showValue(actual)}, expected ${expected}`,
    );
  if (!Array.isArray(versions)) return wrong(versions, 'an array of { version, path }');
  const numbers = new Set<number>();
  for (const each of versions as readonly Partial<AspiredVersion>[]) {
    const { version, path } = each ?? {};
    if (!Number.isSafeInteger(version) || (version as number) < 0)
      return wrong(each, 'a version that is an integer of at least 0');
    if (typeof path !== 'string' || path === '') return wrong(each, 'a path that is a string and not empty');
    if (numbers.has(version as number)) return wrong(each, 'each version once');
    numbers.add(version as number);
  }
  return undefined;
}
