// Hot path: once for each run of a model. Guarded by bench/metrics/cost.mjs.
import type { ServableId } from '../../core/servable-id.js';
import type { ModelRun } from '../../runner/model-run.js';
import type { HistogramCell, NumberCell } from '../series/cells.js';
import type { Families } from '../series/families.js';
import { labelsOf } from '../series/family.js';
import { VersionCells } from './version-cells.js';

interface RunCells {
  readonly inline: NumberCell;
  readonly onThread: NumberCell;
  readonly duration: HistogramCell;
}

/** Counts the runs of models. */
export class RunMetrics {
  readonly #families: Families;
  readonly #versions: VersionCells<RunCells>;
  readonly #all: { readonly runs: NumberCell; readonly micros: NumberCell; readonly times: HistogramCell };

  constructor(families: Families) {
    this.#families = families;
    this.#all = {
      runs: families.graphRuns.cell(),
      micros: families.graphRunTime.cell(),
      times: families.graphRunTimeHistogram.cell(),
    };
    this.#versions = new VersionCells((id) => ({
      inline: families.executions.cell(...labelsOf(id), 'calling_thread'),
      onThread: families.executions.cell(...labelsOf(id), 'batch_thread'),
      duration: families.executionDuration.cell(...labelsOf(id)),
    }));
  }

  /** Those that the server does of its own, warm-ups and trials, count with TensorFlow's alone. */
  onRun({ id, origin, runMicros, isInline, error }: ModelRun): void {
    const { runs, micros, times } = this.#all;
    runs.value++;
    micros.value += Math.round(runMicros);
    times.observe(runMicros);
    if (!origin?.requestCount) return;
    if (error !== undefined) {
      this.#families.executionFailures.cell(...labelsOf(id), error.code).value++;
      return;
    }
    const cells = this.#versions.of(id);
    (isInline ? cells.inline : cells.onThread).value++;
    cells.duration.observe(runMicros / 1e6);
  }

  forget(isGone: (id: ServableId) => boolean): void {
    this.#versions.forget(isGone);
  }
}
