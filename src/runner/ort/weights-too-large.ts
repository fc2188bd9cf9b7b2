import { ServingError } from '../../core/errors.js';

/** Weights for which there is no room. @param ofWhat what the free bytes are a part of: `memoryLimitBytes 67108864` */
export function weightsTooLarge(needed: number, free: number, ofWhat: string): ServingError {
  return new ServingError(
    'RESOURCE_EXHAUSTED',
    `its weights need ${needed} bytes, and ${free} of ${ofWhat} are free`,
    { actual: `${needed} bytes`, expected: `at most ${free} bytes`, reason: 'memory' },
  );
}
