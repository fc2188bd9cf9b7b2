import type { BatchingObserver, BatchRun, RequestSplit } from '../../batching/batching-observer.js';
import type { ServableId } from '../../core/servable-id.js';
import type { HistogramCell, NumberCell } from '../series/cells.js';
import type { Families } from '../series/families.js';
import { labelsOf } from '../series/family.js';
import { VersionCells } from './version-cells.js';

/** TF Serving's name for its batch threads, unless a batching parameters file gives them another. */
const threadPool = 'batch_threads';

interface BatchCells {
  readonly wait: HistogramCell;
  readonly rows: HistogramCell;
  readonly padding: NumberCell;
}

/** Counts batches. */
export class BatchingMetrics implements BatchingObserver {
  readonly #families: Families;
  readonly #versions: VersionCells<BatchCells>;
  readonly #all: {
    readonly runs: NumberCell;
    readonly wait: HistogramCell;
    readonly requestRows: HistogramCell;
    readonly rows: HistogramCell;
  };

  constructor(families: Families) {
    this.#families = families;
    this.#all = {
      runs: families.wrappedRunCount.cell(),
      wait: families.queuingLatency.cell(threadPool),
      requestRows: families.inputBatchSize.cell(),
      rows: families.processedBatchSize.cell(),
    };
    this.#versions = new VersionCells((id) => ({
      wait: families.queueWait.cell(...labelsOf(id)),
      rows: families.batchRows.cell(...labelsOf(id)),
      padding: families.batchPadding.cell(...labelsOf(id)),
    }));
  }

  /** Warm-ups count with TF Serving's alone. */
  onRun(run: BatchRun): void {
    this.#countAll(run);
    if (run.asked > 0) this.#count(run);
  }

  onSplit({ id }: RequestSplit): void {
    this.#families.batchSplits.cell(...labelsOf(id), 'size').value++;
  }

  forget(isGone: (id: ServableId) => boolean): void {
    this.#versions.forget(isGone);
  }

  #countAll({ rows, padding, requestRows, waitMicros, attempt }: BatchRun): void {
    const all = this.#all;
    all.runs.value++;
    all.rows.observe(rows + padding);
    this.#families.paddingSize.cell(String(rows + padding)).observe(padding);
    if (attempt > 0) return; // its requests were counted with the batch that failed
    for (const micros of waitMicros) all.wait.observe(micros);
    for (const each of requestRows) all.requestRows.observe(each);
  }

  #count({ id, rows, padding, waitMicros, attempt, isSplit }: BatchRun): void {
    const cells = this.#versions.of(id);
    cells.rows.observe(rows);
    cells.padding.value += padding;
    if (isSplit) this.#families.batchSplits.cell(...labelsOf(id), 'failure').value++;
    if (attempt > 0) return;
    for (const micros of waitMicros) cells.wait.observe(micros / 1e6);
  }
}
