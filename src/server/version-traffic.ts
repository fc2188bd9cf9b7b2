import type { ServableId } from '../core/servable-id.js';
import type { Histogram } from '../metrics/instruments/instrument.js';
import type { HistogramCell } from '../metrics/series/cells.js';
import type { Families } from '../metrics/series/families.js';
import type { Family } from '../metrics/series/family.js';

/** Milliseconds that something took, as far as a histogram's buckets tell them apart. */
export interface Durations {
  /** How many there were. */
  readonly count: number;
  /** Their mean, in milliseconds. */
  readonly meanMs: number;
  /** Half of them took no longer; milliseconds, to the width of a bucket. */
  readonly p50Ms: number;
  /** Nine of ten took no longer; milliseconds, to the width of a bucket. */
  readonly p90Ms: number;
  /** 99 of 100 took no longer; milliseconds, to the width of a bucket. */
  readonly p99Ms: number;
}

/** What requests a version has had. */
export interface VersionTraffic {
  /** Requests by what became of them: `OK` or a status code. */
  readonly requests: Readonly<Record<string, number>>;
  /** Rows of those that were answered well. */
  readonly rows: number;
  /** Runs of the model, of which requests may share one. */
  readonly executions: number;
  /** Rows of a batch, on the average; absent where there was none. */
  readonly meanBatchRows?: number;
  /** Absent where nothing was measured: of requests that were answered well, the wait for their batch, runs of the model. */
  readonly latency?: Durations;
  /** How long requests waited before they were run. */
  readonly queueWait?: Durations;
  /** How long the runs took, without waiting. */
  readonly execution?: Durations;
}

/** What the meters have counted of a version. */
export function versionTraffic(families: Families, id: ServableId): VersionTraffic {
  const isOfVersion = ofVersion(id);
  const requests: Record<string, number> = {};
  for (const { labels, cell } of families.requests.series) {
    const { code = '' } = labels;
    if (isOfVersion(labels)) requests[code] = (requests[code] ?? 0) + cell.value;
  }
  const latency = durations(families.requestDuration, id);
  const queueWait = durations(families.queueWait, id);
  const execution = durations(families.executionDuration, id);
  const batches = histogramsOf(families.batchRows, id)[0];
  return {
    requests,
    rows: sum(families.requestRows, id),
    executions: sum(families.executions, id),
    ...(batches && batches.count > 0 && { meanBatchRows: batches.sum / batches.count }),
    ...(latency && { latency }),
    ...(queueWait && { queueWait }),
    ...(execution && { execution }),
  };
}

type Labels = Readonly<Record<string, string>>;

function ofVersion(id: ServableId): (labels: Labels) => boolean {
  const wanted = String(id.version);
  return ({ model, version }) => model === id.model && version === wanted;
}

function sum(family: Families['requestRows'], id: ServableId): number {
  const isOfVersion = ofVersion(id);
  let total = 0;
  for (const { labels, cell } of family.series) if (isOfVersion(labels)) total += cell.value;
  return total;
}

function histogramsOf(family: Family<Histogram>, id: ServableId): readonly HistogramCell[] {
  const isOfVersion = ofVersion(id);
  return [...family.series].filter(({ labels }) => isOfVersion(labels)).map(({ cell }) => cell);
}

/** The series of a version, taken together: it may have one for each method. */
function durations(family: Family<Histogram>, id: ServableId): Durations | undefined {
  const [first, ...others] = histogramsOf(family, id).filter(({ count }) => count > 0);
  if (first === undefined) return undefined;
  const all = first.plus(others);
  const { count } = all;
  const [p50Ms, p90Ms, p99Ms] = [0.5, 0.9, 0.99].map((part) => all.quantile(part) * 1000) as [
    number,
    number,
    number,
  ];
  return { count, meanMs: (all.sum / count) * 1000, p50Ms, p90Ms, p99Ms };
}
