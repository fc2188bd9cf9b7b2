import type { LifecycleObserver, LoadReport, LookReport } from '../../control/lifecycle-observer.js';
import type { ServingError } from '../../core/errors.js';
import type { ServableId } from '../../core/servable-id.js';
import type { LabelMove } from '../../routing/labels.js';
import type { WarmupReport } from '../../warmup/warmup-loader.js';
import type { Families } from '../series/families.js';
import { labelsOf } from '../series/family.js';

/** Who has asked for other models than before. */
export type ConfigSource = 'file' | 'call';

/** Counts what happens to models and versions. */
export class LifecycleMetrics implements LifecycleObserver {
  readonly #families: Families;
  readonly #unixTime: () => number;

  /** @param unixTime milliseconds since 1970 */
  constructor(families: Families, unixTime: () => number) {
    this.#families = families;
    this.#unixTime = unixTime;
  }

  onLoad({ id, path, durationMs, error }: LoadReport): void {
    const { loads, loadDuration, loadAttemptCount, loadLatency } = this.#families;
    loads.cell(id.model, codeOf(error)).value++;
    loadAttemptCount.cell(path, error === undefined ? 'success' : 'fail').value++;
    if (error !== undefined) return;
    loadDuration.cell(id.model).observe(durationMs / 1000);
    loadLatency.cell(path).value += Math.round(durationMs * 1000);
  }

  /** A version names itself in ML Metadata. */
  onMlmdKey(id: ServableId): void {
    this.#families.mlmdMap.cell(...labelsOf(id));
  }

  onLook({ model, error }: LookReport): void {
    this.#families.basePathLooks.cell(model, codeOf(error)).value++;
  }

  onWarmup({ id, path, requests, durationMs, error }: WarmupReport): void {
    const { warmups, warmupDuration, warmupLatency, warmupRecordsRead } = this.#families;
    const code = codeOf(error);
    warmups.cell(id.model, code).value++;
    if (error === undefined) warmupDuration.cell(id.model).observe(durationMs / 1000);
    warmupLatency.cell(path, code).observe(durationMs * 1000);
    warmupRecordsRead.cell(path, code).value += requests;
  }

  onLabel({ model }: LabelMove): void {
    this.#families.labelMoves.cell(model).value++;
  }

  onConfig(source: ConfigSource, error: ServingError | undefined): void {
    const { configReloads, configReloadSucceeded, configReloadTime } = this.#families;
    configReloads.cell(source, codeOf(error)).value++;
    configReloadSucceeded.cell(source).value = error === undefined ? 1 : 0;
    configReloadTime.cell(source).value = this.#unixTime() / 1000;
  }
}

function codeOf(error: ServingError | undefined): string {
  return error?.code ?? 'OK';
}
