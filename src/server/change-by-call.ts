import { ServingError } from '../core/errors.js';
import type { ResolvedModelOptions } from '../options/model-options.js';
import type { Parts } from './compose.js';

/** Serves other models because somebody has called for it, and counts how that went. */
export async function changeByCall(
  { served, meters }: Parts,
  models: readonly ResolvedModelOptions[],
): Promise<void> {
  try {
    await served.change(models);
    meters.lifecycle.onConfig('call', undefined);
  } catch (error) {
    meters.lifecycle.onConfig('call', ServingError.from(error));
    throw error;
  }
}
