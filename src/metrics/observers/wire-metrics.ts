// Hot path: once for each request over a wire. Guarded by bench/metrics/cost.mjs.
import type { WireObserver, WireRecord } from '../../core/request-records.js';
import type { HistogramCell, NumberCell } from '../series/cells.js';
import type { Families } from '../series/families.js';
import { type KnownVersions, modelLabel } from './known-versions.js';

const countedMethods: ReadonlySet<string> = new Set(['Predict', 'Classify', 'Regress']);

interface WireCells {
  readonly answered: NumberCell;
  /** By entrypoint and API. */
  readonly latencies: Map<string, HistogramCell>;
}

/** Counts requests over wires, as TF Serving does. */
export class WireMetrics implements WireObserver {
  readonly #families: Families;
  readonly #known: KnownVersions;
  readonly #models = new Map<string, WireCells>();

  constructor(families: Families, known: KnownVersions) {
    this.#families = families;
    this.#known = known;
  }

  /** Over gRPC, TF Serving counts three methods; over REST, whatever comes. */
  onWireAnswer(record: WireRecord): void {
    const { status, entrypoint, api } = record;
    if (entrypoint === 'GRPC' && !countedMethods.has(api)) return;
    const { requestCount, requestLatency } = this.#families;
    const model = this.#models.has(record.model) ? record.model : modelLabel(this.#known, record.model);
    if (status !== 'OK') {
      requestCount.cell(model, status).value++;
      return;
    }
    const cells = this.#models.get(model) ?? this.#add(model);
    cells.answered.value++;
    const key = entrypoint === 'GRPC' ? api : `/${api}`;
    let latency = cells.latencies.get(key);
    if (latency === undefined) {
      latency = requestLatency.cell(model, api, entrypoint);
      cells.latencies.set(key, latency);
    }
    latency.observe((record.endedMs - record.startedMs) * 1000, record.traceId);
  }

  forget(isGone: (model: string) => boolean): void {
    for (const model of this.#models.keys()) if (isGone(model)) this.#models.delete(model);
  }

  #add(model: string): WireCells {
    const cells: WireCells = {
      answered: this.#families.requestCount.cell(model, 'OK'),
      latencies: new Map(),
    };
    this.#models.set(model, cells);
    return cells;
  }
}
