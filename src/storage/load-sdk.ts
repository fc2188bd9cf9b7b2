import { ServingError } from '../core/errors.js';

/**
 * A package that only those need who use it, loaded when they do.
 *
 * @throws ServingError FAILED_PRECONDITION, which says how to install it, where it is not there.
 */
export async function loadSdk<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    if (!isMissing) throw cause;
    throw new ServingError(
      'FAILED_PRECONDITION',
      `Cannot read ${what}: the package ${name} is not installed; npm install ${name}`,
      { cause },
    );
  }
}
