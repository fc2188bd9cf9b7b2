import type { ServableStatus } from '../control/servable-state.js';
import type { ServingError, StatusCode } from '../core/errors.js';
import type { BatchingStatus, DeviceStatus, WaitingRequests } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import type { Signature, SignatureMethod } from '../core/signature.js';
import type { Parts } from './compose.js';
import { explainVersion } from './explain-version.js';
import { type VersionTraffic, versionTraffic } from './version-traffic.js';

/** What went wrong, as plain data. */
export interface ErrorSnapshot {
  /** One of gRPC's canonical codes. */
  readonly code: StatusCode;
  /** What failed, what came and what was wanted. */
  readonly message: string;
}

/** What a signature takes and gives, by alias: `float32 [batch,64]`. */
export interface SignatureSnapshot {
  /** Which calls it answers. */
  readonly method: SignatureMethod;
  /** By alias. */
  readonly inputs: Readonly<Record<string, string>>;
  /** By alias. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** One version in a snapshot, as plain data. */
export interface VersionSnapshot {
  /** The name of its directory. */
  readonly version: number;
  /** Where in its life it is. */
  readonly state: ServableStatus['state'];
  /** Why it is serving, or why it is not, in one sentence for people. */
  readonly reason: string;
  /** When it entered that state, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Why it could not be loaded. */
  readonly error?: ErrorSnapshot;
  /** While LOADING: how often that has failed, and why last. */
  readonly retry?: { readonly failures: number; readonly error: ErrorSnapshot };
  /** What is odd about it while it answers. */
  readonly warning?: ErrorSnapshot;
  /** Absent where batching was not asked for. */
  readonly batching?: BatchingStatus;
  /** Where it runs, while it is loaded. */
  readonly device?: DeviceStatus;
  /** By name, while it answers. */
  readonly signatures?: Readonly<Record<string, SignatureSnapshot>>;
  /** Bytes that it holds, as far as that can be measured. */
  readonly memoryBytes?: number;
  /** Requests that it has. */
  readonly inFlight: number;
  /** What waits in its batches; absent where requests do not share runs. */
  readonly waiting?: WaitingRequests;
  /** Since it was first loaded, or since its series were forgotten. */
  readonly traffic: VersionTraffic;
}

/** What the parts of a server hold of a version, at this moment. */
export function versionSnapshot(parts: Parts, status: ServableStatus): VersionSnapshot {
  const { manager, monitor, meters } = parts;
  const { id, state, error, retry, warning, batching, device } = status;
  const signatures = signaturesOf(manager, id);
  const live = manager.live.filter((each) => each.id.model === id.model && each.id.version === id.version);
  const [newest] = live;
  return {
    version: id.version,
    state,
    reason: explainVersion(parts, id).reason,
    sinceMs: sinceMs(monitor.history(id)),
    ...(error && { error: plain(error) }),
    ...(retry && { retry: { failures: retry.failures, error: plain(retry.error) } }),
    ...(warning && { warning: plain(warning) }),
    ...(batching && { batching }),
    ...(device && { device }),
    ...(signatures && { signatures }),
    ...(newest?.memoryBytes !== undefined && { memoryBytes: newest.memoryBytes }),
    inFlight: live.reduce((sum, { leases }) => sum + leases, 0),
    ...(newest?.waiting && { waiting: newest.waiting }),
    traffic: versionTraffic(meters.families, id),
  };
}

/** Undefined for a version that does not answer. */
function signaturesOf(manager: Parts['manager'], id: ServableId): VersionSnapshot['signatures'] {
  const lease = manager.acquire(id);
  if (lease === undefined) return undefined;
  const { signatures } = lease.servable;
  lease.release();
  const entries = [...signatures].map(([name, { method, inputs, outputs }]) => {
    return [name, { method, inputs: inWords(inputs), outputs: inWords(outputs) }] as const;
  });
  return Object.fromEntries(entries);
}

function inWords(specs: Signature['inputs']): Readonly<Record<string, string>> {
  const entries = Object.entries(specs).map(([alias, { dtype, shape }]) => {
    const dims = shape === undefined ? '' : ` [${shape.map((dim) => dim ?? '?').join()}]`;
    return [alias, `${dtype}${dims}`] as const;
  });
  return Object.fromEntries(entries);
}

/** When the first of the changes came that led to no other state since. */
function sinceMs(history: ReturnType<Parts['monitor']['history']>): number {
  const last = history.at(-1);
  let since = last?.atMs ?? 0;
  for (let index = history.length - 1; index >= 0 && history[index]?.state === last?.state; index--) {
    since = history[index]?.atMs ?? since;
  }
  return since;
}

export function plain({ code, message }: ServingError): ErrorSnapshot {
  return { code, message };
}
