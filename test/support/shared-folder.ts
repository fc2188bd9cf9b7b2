import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, it } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');

/**
 * Real models and conformance data that are too large for the repository, in a folder beside it. A plain clone has
 * none, and skips what needs them.
 */
export const sharedFolder = resolve(repository, '../shared');

/**
 * A `describe` of tests that need parts of the shared folder. Where one is missing, a single skipped test says so,
 * and `body`, which may read the folder at once, is not called.
 */
export function describeShared(title: string, parts: readonly string[], body: () => void): void {
  const missing = parts.find((part) => !existsSync(resolve(sharedFolder, part)));
  if (missing === undefined) describe(title, body);
  else it.skipIf(true)(`${title} (skipped: this machine has no ../shared/${missing})`, () => {});
}
