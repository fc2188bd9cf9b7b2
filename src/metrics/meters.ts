import type { Clock } from '../core/clock.js';
import type { ServableId } from '../core/servable-id.js';
import { BatchingMetrics } from './observers/batching-metrics.js';
import { EventLoopDelay } from './observers/event-loop-delay.js';
import type { KnownVersions } from './observers/known-versions.js';
import { LifecycleMetrics } from './observers/lifecycle-metrics.js';
import { type LiveFacts, LiveGauges } from './observers/live-gauges.js';
import { RequestLogMetrics } from './observers/request-log-metrics.js';
import { RequestMetrics } from './observers/request-metrics.js';
import { RunMetrics } from './observers/run-metrics.js';
import { WireMetrics } from './observers/wire-metrics.js';
import { type Families, makeFamilies } from './series/families.js';
import type { Family } from './series/family.js';

/** What a server's meters ask it. */
export interface MeteredServer extends KnownVersions {
  facts(): LiveFacts;
}

/** Milliseconds between two looks for series of versions that are gone, where nobody reads the metrics. */
const pruneIntervalMs = 60_000;

/** All that is measured of one server, and who measures it. */
export class Meters {
  readonly families: Families = makeFamilies();
  readonly requests: RequestMetrics;
  readonly wires: WireMetrics;
  readonly runs: RunMetrics;
  readonly batching: BatchingMetrics;
  readonly lifecycle: LifecycleMetrics;
  readonly requestLogs: RequestLogMetrics;
  readonly #server: MeteredServer;
  readonly #clock: Clock;
  readonly #gauges: LiveGauges;
  readonly #delay = new EventLoopDelay();
  /** Whose directory it is, of those that are labels. */
  readonly #paths = new Map<string, ServableId>();
  #prunedMs = Number.NEGATIVE_INFINITY;
  #isFresh = false;
  #isClosed = false;

  constructor(server: MeteredServer, clock: Clock) {
    const { families } = this;
    this.#server = server;
    this.#clock = clock;
    this.#gauges = new LiveGauges(families, () => server.facts(), this.#delay);
    this.requests = new RequestMetrics(families, server);
    this.wires = new WireMetrics(families, server);
    this.runs = new RunMetrics(families);
    this.batching = new BatchingMetrics(families);
    this.lifecycle = new LifecycleMetrics(families, Date.now);
    this.requestLogs = new RequestLogMetrics(families);
  }

  /** Brings everything up to date; once for all families that are read in one turn of the event loop. */
  refresh(): void {
    if (this.#isFresh || this.#isClosed) return;
    this.#isFresh = true;
    setImmediate(() => {
      this.#isFresh = false;
    }).unref();
    this.#prune();
    this.#gauges.refresh();
  }

  /** Says whose directory a path is, before it becomes a label. */
  notePath(id: ServableId, path: string): void {
    this.#paths.set(path, id);
  }

  /** Says that a version has entered a state: others may be long gone. */
  onState(): void {
    if (this.#clock.now() - this.#prunedMs >= pruneIntervalMs) this.#prune();
  }

  close(): void {
    this.#isClosed = true;
    this.#delay.close();
    for (const family of Object.values<Family>(this.families)) family.clear();
  }

  /** Lets go of the series of models and versions that nobody knows any more. */
  #prune(): void {
    this.#prunedMs = this.#clock.now();
    const server = this.#server;
    const isGone = (id: ServableId) => !server.hasVersion(id);
    for (const meter of [this.requests, this.runs, this.batching]) meter.forget(isGone);
    this.wires.forget((model) => isName(model) && !server.hasModel(model));
    for (const family of Object.values<Family>(this.families)) {
      family.forget((labels) => this.#isGone(labels));
    }
    for (const [path, id] of this.#paths) if (isGone(id)) this.#paths.delete(path);
  }

  #isGone(labels: Readonly<Record<string, string>>): boolean {
    const { model_path: path, model_name: name = '', model = name, version = '' } = labels;
    if (path !== undefined) {
      const id = this.#paths.get(path);
      return id !== undefined && !this.#server.hasVersion(id);
    }
    if (!isName(model)) return false;
    if (version === '') return !this.#server.hasModel(model);
    return !this.#server.hasVersion({ model, version: Number(version) });
  }
}

/** False for what stands in the place of a name: nothing, `(unknown)`, `(other)`. */
function isName(label: string): boolean {
  return label !== '' && !label.startsWith('(');
}
