import type { Storage } from './storage.js';

/** What a version directory looks like. */
export interface Fingerprint {
  readonly revision: string;
  readonly bytes: number;
}

export async function fingerprint(
  storage: Storage,
  path: string,
  signal?: AbortSignal,
): Promise<Fingerprint> {
  const entries = await storage.list(path, signal);
  const lines = entries.map(({ name, revision }) => `${name} ${revision}`).sort();
  const bytes = entries.reduce((sum, entry) => sum + (entry.bytes ?? 0), 0);
  return { revision: lines.join('\n'), bytes };
}
