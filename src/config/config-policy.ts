import type { ServingError } from '../core/errors.js';
import { toSafeInteger } from './config-integer.js';
import type { ConfiguredVersionPolicy } from './configured-model.js';
import type { VersionPolicyMessage } from './model-config-message.js';

/**
 * @internal A version policy as plain data. None at all is the latest version; so is `latest` with 0 or no number, as in
 * TF Serving (sources/storage_path/file_system_storage_path_source.cc).
 *
 * @param refuse makes the error for a version that cannot be one.
 */
export function versionPolicyOf(
  message: VersionPolicyMessage | null | undefined,
  refuse: (what: string) => ServingError,
): ConfiguredVersionPolicy {
  if (message?.all) return 'all';
  if (message?.specific) {
    const versions = message.specific.versions ?? [];
    const numbers = versions.map((version) =>
      toSafeInteger(version, 0, (what) => refuse(`specific version: ${what}`)),
    );
    return { specific: [...new Set(numbers)] };
  }
  return { latest: Math.max(message?.latest?.num_versions ?? 1, 1) };
}
