import { ServingError } from '../core/errors.js';
import type { Servable } from '../core/servable.js';

/** Unloads; the error of a servable that breaks its promise never to reject: a version that cannot be unloaded ends too. */
export async function unload(servable: Servable): Promise<ServingError | undefined> {
  try {
    await servable.unload();
    return undefined;
  } catch (error) {
    return ServingError.from(error);
  }
}
