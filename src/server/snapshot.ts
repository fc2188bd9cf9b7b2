import { availableParallelism } from 'node:os';
import type { VersionPolicy } from '../control/version-policy.js';
import type { Families } from '../metrics/series/families.js';
import type { LabelStatus } from '../routing/labels.js';
import type { GpuStatus } from '../runner/devices/nvidia/gpus.js';
import type { ArenaStats } from '../runner/ort/arena-stats.js';
import type { ThreadUsage } from '../runner/threads/execution-threads.js';
import type { Parts } from './compose.js';
import { packageVersion } from './package-version.js';
import type { ServerLifecycle, ServerState } from './server-lifecycle.js';
import { type ErrorSnapshot, plain, type VersionSnapshot, versionSnapshot } from './version-snapshot.js';

/** One model in a snapshot: what is wanted of it, and what there is. */
export interface ModelSnapshot {
  /** What requests call it. */
  readonly name: string;
  /** Absent, too, where its versions are known by a source of the host's. */
  readonly basePath?: string;
  /** Absent for a model that is no longer configured: its last versions are shown for a while. */
  readonly versionPolicy?: VersionPolicy;
  /** True where one of its versions answers. */
  readonly isReady: boolean;
  /** What its labels mean now, and what they are to mean. */
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
  /** The life of the server. */
  readonly state: ServerState;
  /** When the start had ended; absent before. */
  readonly startedAtMs?: number;
  /** Whether every model that is configured has a version that answers. */
  readonly isReady: boolean;
  /** What all of this runs on. */
  readonly runtime: {
    readonly servable: string;
    /** Absent while the server is not started. */
    readonly onnxruntime?: string;
    readonly node: string;
    readonly cpus: number;
  };
  /** Those that are configured, in their order, then those that are still remembered. */
  readonly models: readonly ModelSnapshot[];
  /** Absent while the server is not started. */
  readonly threads?: { readonly batch: ThreadUsage; readonly load: ThreadUsage };
  /** Bytes, of models and of the process. */
  readonly memory: {
    /** What loaded versions hold together: measured, and estimated for those that are loading. */
    readonly usedBytes: number;
    /** Absent where there is no limit. */
    readonly budgetBytes?: number;
    /** Of the process. */
    readonly residentBytes: number;
    readonly heapUsedBytes: number;
  };
  /** GPUs that models were to run on; empty where nobody has asked for one. */
  readonly gpus: readonly GpuStatus[];
  /** Memory with a limit, by place: `cpu`, `cuda:0`. */
  readonly arenas: Readonly<Record<string, ArenaStats>>;
  /** Seconds that the event loop was late by, by quantile, when metrics were last read; empty where nobody reads them. */
  readonly eventLoopDelays: Readonly<Record<string, number>>;
  /** The config file, where there is one. */
  readonly configFile?: string;
  /** The last change of what is served, by who asked for it: a config file, or a call. */
  readonly lastChanges: Readonly<Record<string, { readonly isGood: boolean; readonly atMs: number }>>;
}

/** What the parts of a server hold, at this moment. */
export function snapshotOf(
  parts: Parts,
  { state, startedAtMs, isServing }: ServerLifecycle<unknown>,
): ServerSnapshot {
  const { engine, manager, options } = parts;
  const { families } = parts.meters;
  const models = modelNames(parts).map((name) => modelSnapshot(parts, name));
  const { rss, heapUsed } = process.memoryUsage();
  const { runtimeVersion, threads } = engine;
  const budgetBytes = options.memoryBudgetBytes;
  return {
    atMs: Date.now(),
    state,
    ...(startedAtMs !== undefined && { startedAtMs }),
    isReady:
      isServing && models.every(({ versionPolicy, isReady }) => versionPolicy === undefined || isReady),
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
    gpus: engine.gpuStatuses,
    arenas: Object.fromEntries(engine.arenas),
    eventLoopDelays: eventLoopDelays(families),
    ...(options.configFile && { configFile: options.configFile.path }),
    lastChanges: lastChanges(families),
  };
}

function eventLoopDelays({ eventLoopDelay }: Families): ServerSnapshot['eventLoopDelays'] {
  const entries = [...eventLoopDelay.series].map(({ labels: { quantile }, cell }) => [quantile, cell.value]);
  return Object.fromEntries(entries);
}

function lastChanges({ configReloadSucceeded, configReloadTime }: Families): ServerSnapshot['lastChanges'] {
  const entries = [...configReloadSucceeded.series].map(({ labels: { source = '' }, cell }) => {
    const atMs = configReloadTime.cell(source).value * 1000;
    return [source, { isGood: cell.value === 1, atMs }] as const;
  });
  return Object.fromEntries(entries);
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
    ...(model?.basePath !== undefined && { basePath: model.basePath }),
    ...(model && { versionPolicy: model.versionPolicy }),
    isReady: (manager.available(name)?.length ?? 0) > 0,
    labels: labels.list(name),
    ...(warning && { warning: plain(warning) }),
    versions: monitor.status(name).map((status) => versionSnapshot(parts, status)),
  };
}
