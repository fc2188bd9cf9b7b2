import type { ProviderOptions } from '../session-options.js';
import type { OrtApi, Pointer } from './c-api.js';
import { closeSession, openSessionFromBytes } from './session.js';
import { createSessionOptions } from './session-options.js';
import { tinyModel } from './tiny-model.js';

/** Makes a session of nothing on these providers, and closes it. @throws what stands in the way. */
export function tryProviders(api: OrtApi, environment: Pointer, providers: readonly ProviderOptions[]): void {
  const options = createSessionOptions(api, { providers }, environment);
  try {
    closeSession(api, openSessionFromBytes(api, environment, tinyModel, options));
  } finally {
    api.ReleaseSessionOptions(options);
  }
}
