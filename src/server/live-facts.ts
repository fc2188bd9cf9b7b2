import type { ServableManager } from '../control/manager.js';
import type { StateMonitor } from '../control/state-monitor.js';
import type { LiveFacts } from '../metrics/observers/live-gauges.js';
import type { ResolvedOptions } from '../options/server-options.js';
import type { VersionLabels } from '../routing/labels.js';
import type { OrtEngine } from '../runner/engine.js';
import { packageVersion } from './package-version.js';
import type { ServedModels } from './served-models.js';

/** The parts of a server that know what there is. */
export interface LiveParts {
  readonly options: ResolvedOptions;
  readonly engine: OrtEngine;
  readonly monitor: StateMonitor;
  readonly manager: ServableManager;
  readonly labels: VersionLabels;
  readonly served: ServedModels;
}

/** What there is at the moment, for those who read a server's metrics. */
export function liveFacts({ engine, monitor, manager, labels, served, options }: LiveParts): LiveFacts {
  return {
    versions: monitor.status(),
    loaded: manager.live,
    labels: new Map(served.names().map((name) => [name, labels.list(name)])),
    threads: engine.threads,
    memoryUsedBytes: manager.memoryBytes,
    memoryBudgetBytes: options.memoryBudgetBytes,
    gpus: engine.gpuStatuses,
    deviceRuns: engine.loads.all,
    arenas: engine.arenas,
    runtimeVersion: engine.runtimeVersion,
    packageVersion,
  };
}
