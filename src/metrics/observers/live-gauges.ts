import type { LiveVersion } from '../../control/live-version.js';
import type { ServableStatus } from '../../control/servable-state.js';
import type { LabelStatus } from '../../routing/labels.js';
import type { GpuStatus } from '../../runner/devices/nvidia/gpus.js';
import type { ArenaStats } from '../../runner/ort/arena-stats.js';
import type { ThreadUsage } from '../../runner/threads/execution-threads.js';
import type { Families } from '../series/families.js';
import { labelsOf } from '../series/family.js';
import type { EventLoopDelay } from './event-loop-delay.js';

/** What a server is asked when its metrics are read. */
export interface LiveFacts {
  readonly versions: readonly ServableStatus[];
  readonly loaded: readonly LiveVersion[];
  /** By model: every one that is configured. */
  readonly labels: ReadonlyMap<string, readonly LabelStatus[]>;
  readonly threads: Readonly<Record<string, ThreadUsage>> | undefined;
  readonly memoryUsedBytes: number;
  readonly memoryBudgetBytes: number;
  readonly gpus: readonly GpuStatus[];
  /** Runs by device, without the CPU. */
  readonly deviceRuns: ReadonlyMap<string, number>;
  /** Memory with a limit, by place. */
  readonly arenas: ReadonlyMap<string, ArenaStats>;
  /** onnxruntime's; undefined while it is not loaded. */
  readonly runtimeVersion: string | undefined;
  readonly packageVersion: string;
}

/** Gauges that show what is, and that nobody needs to keep up to date meanwhile. */
export class LiveGauges {
  readonly #families: Families;
  readonly #read: () => LiveFacts;
  readonly #delay: EventLoopDelay;

  constructor(families: Families, read: () => LiveFacts, delay: EventLoopDelay) {
    this.#families = families;
    this.#read = read;
    this.#delay = delay;
  }

  refresh(): void {
    const facts = this.#read();
    this.#setVersions(facts.versions, facts.labels.keys());
    this.#setLoaded(facts.loaded);
    this.#setLabels(facts.labels);
    this.#setThreads(facts.threads ?? {});
    this.#families.memoryUsed.cell().value = facts.memoryUsedBytes;
    this.#families.memoryBudget.cell().value = facts.memoryBudgetBytes;
    this.#setDevices(facts);
    this.#setArenas(facts.arenas);
    this.#setBuild(facts);
    this.#setDelays();
  }

  #setBuild({ packageVersion, runtimeVersion = '' }: LiveFacts): void {
    const { buildInfo } = this.#families;
    buildInfo.clear();
    buildInfo.cell(packageVersion, runtimeVersion, process.version).value = 1;
  }

  #setVersions(versions: readonly ServableStatus[], models: Iterable<string>): void {
    const { versionState, versionsAvailable, unbatched, versionDevice, deviceFallback } = this.#families;
    for (const family of [versionState, versionsAvailable, unbatched, versionDevice, deviceFallback]) {
      family.clear();
    }
    for (const model of models) versionsAvailable.cell(model).value = 0; // also where no version was found
    for (const { id, state, batching, device } of versions) {
      versionState.cell(...labelsOf(id), state).value = 1;
      versionsAvailable.cell(id.model).value += state === 'AVAILABLE' ? 1 : 0;
      if (batching?.reason !== undefined) unbatched.cell(...labelsOf(id)).value = 1;
      for (const name of device?.devices ?? []) versionDevice.cell(...labelsOf(id), name).value = 1;
      if (device?.fallback !== undefined) deviceFallback.cell(...labelsOf(id)).value = 1;
    }
  }

  #setDevices({ gpus, deviceRuns: runs }: LiveFacts): void {
    const { deviceRuns, deviceMemoryUsed, deviceMemoryTotal, deviceUtilization } = this.#families;
    for (const family of [deviceRuns, deviceMemoryUsed, deviceMemoryTotal, deviceUtilization]) family.clear();
    for (const [device, count] of runs) deviceRuns.cell(device).value = count;
    for (const { device, memoryUsedBytes, memoryTotalBytes, utilization } of gpus) {
      deviceMemoryUsed.cell(device).value = memoryUsedBytes;
      deviceMemoryTotal.cell(device).value = memoryTotalBytes;
      if (utilization !== undefined) deviceUtilization.cell(device).value = utilization;
    }
  }

  #setArenas(arenas: LiveFacts['arenas']): void {
    const { arenaLimit, arenaInUse, arenaAllocated } = this.#families;
    for (const family of [arenaLimit, arenaInUse, arenaAllocated]) family.clear();
    for (const [place, { limitBytes, inUseBytes, allocatedBytes }] of arenas) {
      arenaLimit.cell(place).value = limitBytes;
      arenaInUse.cell(place).value = inUseBytes;
      arenaAllocated.cell(place).value = allocatedBytes;
    }
  }

  /** A version that is being replaced is there twice: both count. */
  #setLoaded(loaded: readonly LiveVersion[]): void {
    const { requestsInFlight, queueLength, queueBatches, modelMemory } = this.#families;
    for (const family of [requestsInFlight, queueLength, queueBatches, modelMemory]) family.clear();
    for (const { id, leases, waiting, memoryBytes } of loaded) {
      requestsInFlight.cell(...labelsOf(id)).value += leases;
      if (memoryBytes !== undefined) modelMemory.cell(...labelsOf(id)).value += memoryBytes;
      if (waiting === undefined) continue;
      queueLength.cell(...labelsOf(id)).value += waiting.requests;
      queueBatches.cell(...labelsOf(id)).value += waiting.batches;
    }
  }

  #setLabels(labels: LiveFacts['labels']): void {
    const { labelVersion } = this.#families;
    labelVersion.clear();
    for (const [model, all] of labels) {
      for (const { label, current } of all) {
        if (current !== undefined) labelVersion.cell(model, label).value = current;
      }
    }
  }

  #setThreads(pools: Readonly<Record<string, ThreadUsage>>): void {
    const { threads, threadsBusy, threadQueueLength } = this.#families;
    for (const family of [threads, threadsBusy, threadQueueLength]) family.clear();
    for (const [pool, { started, busy, waiting }] of Object.entries(pools)) {
      threads.cell(pool).value = started;
      threadsBusy.cell(pool).value = busy;
      threadQueueLength.cell(pool).value = waiting;
    }
  }

  #setDelays(): void {
    const { eventLoopDelay } = this.#families;
    for (const [quantile, seconds] of this.#delay.read()) eventLoopDelay.cell(quantile).value = seconds;
  }
}
