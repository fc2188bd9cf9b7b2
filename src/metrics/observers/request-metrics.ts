// Hot path: once for each request. Guarded by bench/metrics/cost.mjs.
import type { ServingError } from '../../core/errors.js';
import type { RequestMethod, RequestObserver, RequestRecord } from '../../core/request-records.js';
import type { ServableId } from '../../core/servable-id.js';
import type { HistogramCell, NumberCell } from '../series/cells.js';
import type { Families } from '../series/families.js';
import { labelsOf } from '../series/family.js';
import { failureReason, rejectionReason } from './failure-reason.js';
import { type KnownVersions, modelLabel } from './known-versions.js';
import { VersionCells } from './version-cells.js';

/** TF Serving's names for what is asked; it does not time MultiInference. */
const apis: Partial<Record<RequestMethod, string>> = {
  predict: 'Predict',
  classify: 'Classify',
  regress: 'Regress',
};

/** What TF Serving calls its usual runtime. Kept: dashboards ask for it. */
const runtime = 'TF1';

interface MethodCells {
  readonly answered: NumberCell;
  readonly duration: HistogramCell;
  readonly withModel: HistogramCell | undefined;
}

interface RequestCells {
  readonly rows: NumberCell;
  readonly methods: Partial<Record<RequestMethod, MethodCells>>;
}

/** Counts the requests to a server, however they came. */
export class RequestMetrics implements RequestObserver {
  readonly #families: Families;
  readonly #known: KnownVersions;
  readonly #versions: VersionCells<RequestCells>;

  constructor(families: Families, known: KnownVersions) {
    this.#families = families;
    this.#known = known;
    this.#versions = new VersionCells((id) => ({
      rows: families.requestRows.cell(...labelsOf(id)),
      methods: {},
    }));
  }

  onAnswer(record: RequestRecord): void {
    const { id, method, error, rows } = record;
    if (error !== undefined || id === undefined) {
      this.#fail(record, error as ServingError);
      return;
    }
    const cells = this.#versions.of(id);
    cells.methods[method] ??= this.#cellsOf(id, method);
    const { answered, duration, withModel } = cells.methods[method];
    const traceId = record.traceId ?? record.wire?.traceId;
    answered.value++;
    cells.rows.value += rows;
    duration.observe((record.endedMs - record.startedMs) / 1000, traceId);
    withModel?.observe((record.endedMs - (record.handedOverMs ?? record.startedMs)) * 1000);
    if (method === 'multi_inference') this.#countExamples(id.model, rows);
  }

  forget(isGone: (id: ServableId) => boolean): void {
    this.#versions.forget(isGone);
  }

  #cellsOf(id: ServableId, method: RequestMethod): MethodCells {
    const { requests, requestDuration, runtimeLatency } = this.#families;
    const api = apis[method];
    return {
      answered: requests.cell(...labelsOf(id), method, 'OK'),
      duration: requestDuration.cell(...labelsOf(id), method),
      withModel: api === undefined ? undefined : runtimeLatency.cell(id.model, api, runtime),
    };
  }

  #fail({ id, spec, method }: RequestRecord, error: ServingError): void {
    const { requests, requestFailures, rejections } = this.#families;
    const labels = id === undefined ? ([modelLabel(this.#known, spec.model), ''] as const) : labelsOf(id);
    const reason = failureReason(error);
    requests.cell(...labels, method, error.code).value++;
    requestFailures.cell(...labels, reason).value++;
    if (reason === 'rejected') rejections.cell(...labels, rejectionReason(error)).value++;
  }

  #countExamples(model: string, examples: number): void {
    const { exampleCounts, exampleCountTotal } = this.#families;
    exampleCounts.cell(model).observe(examples);
    exampleCountTotal.cell(model).value += examples;
  }
}
