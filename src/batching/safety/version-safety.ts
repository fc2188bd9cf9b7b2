import type { Servable } from '../../core/servable.js';
import type { Signature } from '../../core/signature.js';
import type { TensorMap } from '../../core/tensor.js';
import type { ResolvedBatching } from '../batching-options.js';
import { type Filling, mergeInputs } from '../merge-inputs.js';
import { findBatchFault } from './batch-safety.js';
import { findPaddingFault } from './padding-safety.js';

export interface VersionCheckOptions {
  readonly servable: Servable;
  readonly batching: ResolvedBatching;
  readonly filling: Filling;
  /** Requests that are known to be good, by the names of their signatures. */
  readonly samples?: ReadonlyMap<string, readonly TensorMap[]> | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What speaks against the batching that was asked for. */
export interface VersionFaults {
  /** Signatures whose requests must run alone. */
  readonly unbatched: ReadonlySet<Signature>;
  /** True where rows of different sizes may be padded to share a run. */
  readonly isPaddable: boolean;
  /** All of it, in words; undefined where nothing does. */
  readonly reason: string | undefined;
}

/**
 * Looks at every signature of a version, unless it is to be trusted.
 *
 * @throws ServingError CANCELLED, UNAVAILABLE or RESOURCE_EXHAUSTED where a run fails so.
 */
export async function findVersionFaults(check: VersionCheckOptions): Promise<VersionFaults> {
  if (check.batching.batchSafety === 'trust') {
    return { unbatched: new Set(), isPaddable: true, reason: undefined };
  }
  const faults = await findFaults(check);
  const paddingFault = await findFirstPaddingFault(check, faults);
  return {
    unbatched: new Set(faults.keys()),
    isPaddable: paddingFault === undefined,
    reason: describeFaults(faults, paddingFault, check.servable.signatures.size),
  };
}

/** Why requests to a signature must not share runs, where they must not. */
async function findFaults(check: VersionCheckOptions): Promise<ReadonlyMap<Signature, string>> {
  const { servable, batching, signal } = check;
  const { maxRows } = batching;
  const faults = new Map<Signature, string>();
  for (const signature of servable.signatures.values()) {
    const samples = check.samples?.get(signature.name) ?? [];
    const fault = await findBatchFault(servable, signature, { maxRows, samples, ...(signal && { signal }) });
    if (fault !== undefined) faults.set(signature, fault);
  }
  return faults;
}

/** Why rows of different sizes must not be padded to share a run, where they must not. */
async function findFirstPaddingFault(
  { servable, batching, filling, samples: allSamples, signal }: VersionCheckOptions,
  faults: ReadonlyMap<Signature, string>,
): Promise<string | undefined> {
  const { isPadding, maxRows } = batching;
  if (!isPadding) return undefined;
  const merge = (rows: readonly TensorMap[]) =>
    mergeInputs(
      rows.map((inputs) => ({ inputs, rows: 1 })),
      { ...filling, allowedBatchSizes: [] },
    ).inputs;
  for (const signature of servable.signatures.values()) {
    if (faults.has(signature)) continue;
    const samples = allSamples?.get(signature.name) ?? [];
    const options = { maxRows, merge, samples, ...(signal && { signal }) };
    const fault = await findPaddingFault(servable, signature, options);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** In words; each signature by its name where not all have the same. */
function describeFaults(
  faults: ReadonlyMap<Signature, string>,
  paddingFault: string | undefined,
  signatures: number,
): string | undefined {
  const reasons = new Set(faults.values());
  if (reasons.size === 1 && faults.size === signatures) return [...reasons][0];
  const words = [...faults].map(([{ name }, fault]) => `signature "${name}": ${fault}`);
  if (paddingFault !== undefined) words.push(`shorter rows are not padded: ${paddingFault}`);
  return words.length === 0 ? undefined : words.join('; ');
}
