import { availableParallelism } from 'node:os';
import type { ServableStatus } from '../control/servable-state.js';
import type { VersionPolicy } from '../control/version-policy.js';
import type { ServingError, StatusCode } from '../core/errors.js';
import type { BatchingStatus, WaitingRequests } from '../core/servable.js';
import type { LabelStatus } from '../routing/labels.js';
import type { ThreadUsage } from '../runner/threads/execution-threads.js';
import type { Parts } from './compose.js';
import { packageVersion } from './package-version.js';
import type { ServerLifecycle, ServerState } from './server-lifecycle.js';
import { type VersionTraffic, versionTraffic } from './version-traffic.js';

/** What went wrong, as plain data. */
export interface ErrorSnapshot {
  readonly code: StatusCode;
  readonly message: string;
}

export interface VersionSnapshot {
  readonly version: number;
  readonly state: ServableStatus['state'];
  /** When it entered that state, in milliseconds since 1970. */
  readonly sinceMs: number;
  readonly error?: ErrorSnapshot;
  /** While LOADING: how often that has failed, and why last. */
  readonly retry?: { readonly failures: number; readonly error: ErrorSnapshot };
  readonly warning?: ErrorSnapshot;
  readonly batching?: BatchingStatus;
  readonly memoryBytes?: number;
  /** Requests that it has. */
  readonly inFlight: number;
  readonly waiting?: WaitingRequests;
  /** Since it was first loaded, or since its series were forgotten. */
  readonly traffic: VersionTraffic;
}

export interface ModelSnapshot {
  readonly name: string;
  /** Absent for a model that is no longer configured: its last versions are shown for a while. */
  readonly basePath?: string;
  readonly versionPolicy?: VersionPolicy;
  readonly isReady: boolean;
  readonly labels: readonly LabelStatus[];
  /** What is wrong, or odd, about its base path. */
  readonly warning?: ErrorSnapshot;
  /** Highest first. */
  readonly versions: readonly VersionSnapshot[];
}

/** Everything that a page about a server would show. */
export interface ServerSnapshot {
  /** When it was made, in milliseconds since 1970. */
  readonly atMs: number;
  readonly state: ServerState;
  /** When the start had ended; absent before. */
  readonly startedAtMs?: number;
  /** Whether every model that is configured has a version that answers. */
  readonly isReady: boolean;
  readonly runtime: {
    readonly servable: string;
    /** Absent while the server is not started. */
    readonly onnxruntime?: string;
    readonly node: string;
    readonly cpus: number;
  };
  readonly models: readonly ModelSnapshot[];
  /** Absent while the server is not started. */
  readonly threads?: { readonly batch: ThreadUsage; readonly load: ThreadUsage };
  readonly memory: {
    /** What loaded versions hold together: measured, and estimated for those that are loading. */
    readonly usedBytes: number;
    /** Absent where there is no limit. */
    readonly budgetBytes?: number;
    /** Of the process. */
    readonly residentBytes: number;
    readonly heapUsedBytes: number;
  };
  /** The config file, where there is one. */
  readonly configFile?: string;
}

/** What the parts of a server hold, at this moment. */
export function snapshotOf(
  parts: Parts,
  { state, startedAtMs, isServing }: ServerLifecycle<unknown>,
): ServerSnapshot {
  const { engine, manager, options } = parts;
  const models = modelNames(parts).map((name) => modelSnapshot(parts, name));
  const { rss, heapUsed } = process.memoryUsage();
  const { runtimeVersion, threads } = engine;
  const budgetBytes = options.memoryBudgetBytes;
  return {
    atMs: Date.now(),
    state,
    ...(startedAtMs !== undefined && { startedAtMs }),
    isReady: isServing && models.every(({ basePath, isReady }) => basePath === undefined || isReady),
    runtime: {
      servable: packageVersion,
      ...(runtimeVersion !== undefined && { onnxruntime: runtimeVersion }),
      node: process.version,
      cpus: availableParallelism(),
    },
    models,
    ...(threads && { threads }),
    memory: {
      usedBytes: manager.memoryBytes,
      ...(budgetBytes < Number.POSITIVE_INFINITY && { budgetBytes }),
      residentBytes: rss,
      heapUsedBytes: heapUsed,
    },
    ...(options.configFile && { configFile: options.configFile.path }),
  };
}

/** Those that are configured, in their order, then those that are still remembered. */
function modelNames({ served, monitor }: Parts): readonly string[] {
  return [...new Set([...served.names(), ...monitor.models])];
}

function modelSnapshot(parts: Parts, name: string): ModelSnapshot {
  const { served, manager, labels, monitor } = parts;
  const model = served.get(name);
  const warning = manager.sourceError(name);
  return {
    name,
    ...(model && { basePath: model.basePath, versionPolicy: model.versionPolicy }),
    isReady: (manager.available(name)?.length ?? 0) > 0,
    labels: labels.list(name),
    ...(warning && { warning: plain(warning) }),
    versions: monitor.status(name).map((status) => versionSnapshot(parts, status)),
  };
}

function versionSnapshot({ manager, monitor, meters }: Parts, status: ServableStatus): VersionSnapshot {
  const { id, state, error, retry, warning, batching } = status;
  const live = manager.live.filter((each) => each.id.model === id.model && each.id.version === id.version);
  const [newest] = live;
  return {
    version: id.version,
    state,
    sinceMs: sinceMs(monitor.history(id)),
    ...(error && { error: plain(error) }),
    ...(retry && { retry: { failures: retry.failures, error: plain(retry.error) } }),
    ...(warning && { warning: plain(warning) }),
    ...(batching && { batching }),
    ...(newest?.memoryBytes !== undefined && { memoryBytes: newest.memoryBytes }),
    inFlight: live.reduce((sum, { leases }) => sum + leases, 0),
    ...(newest?.waiting && { waiting: newest.waiting }),
    traffic: versionTraffic(meters.families, id),
  };
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

function plain({ code, message }: ServingError): ErrorSnapshot {
  return { code, message };
}
