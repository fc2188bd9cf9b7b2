import type { ServingError } from '../../core/errors.js';
import { formatServableId, type ServableId } from '../../core/servable-id.js';
import type { Batch } from '../batch.js';
import { refusal } from '../batch-errors.js';
import type { Arrival, BatchPolicy, FinishedRun } from '../batch-policy.js';
import { LatencyControl } from './latency-control.js';

export interface AdaptivePolicyOptions {
  readonly id: ServableId;
  readonly targetMicros: number;
  /** Rows of a batch, at most, whatever the target. */
  readonly maxRows: number;
  /** Batches that may run at once. */
  readonly slots: number;
}

/** Batches as a {@link LatencyControl} wants them: it reckons in microseconds, the scheduler in milliseconds. */
export class AdaptivePolicy implements BatchPolicy {
  /** Who would wait too long is refused; that bounds the queue. */
  readonly maxEnqueuedBatches = Number.POSITIVE_INFINITY;
  readonly #id: ServableId;
  readonly #targetMicros: number;
  readonly #control: LatencyControl;

  constructor({ id, ...options }: AdaptivePolicyOptions) {
    this.#id = id;
    this.#targetMicros = options.targetMicros;
    this.#control = new LatencyControl(options);
  }

  get maxRows(): number {
    return this.#control.maxRows;
  }

  refuse(arrival: Arrival): ServingError | undefined {
    const placement = {
      rows: arrival.rows,
      waitingRows: arrival.waitingRows,
      firstArrivalMicros: arrival.firstArrivalMs * 1000,
      busyUntilMicros: arrival.busyUntilMs.map((ms) => ms * 1000),
      nowMicros: arrival.nowMs * 1000,
    };
    if (this.#control.admits(placement)) return undefined;
    const forecast = `${Math.round(this.#control.forecastMicros(placement))} µs`;
    const target = `${this.#targetMicros} µs`;
    return refusal(
      'UNAVAILABLE',
      `Cannot answer ${arrival.rows} rows of ${formatServableId(this.#id)} within ${target}: with ${arrival.waitingRows} rows ahead it is expected to take ${forecast}`,
      { id: this.#id, actual: forecast, expected: `at most ${target}`, reason: 'latency_target' },
    );
  }

  dueMs({ rows, sumOfArrivalsMs, firstArrivalMs }: Batch): number {
    const sumOfArrivalMicros = sumOfArrivalsMs * 1000;
    return (
      this.#control.dueMicros({ rows, sumOfArrivalMicros, firstArrivalMicros: firstArrivalMs * 1000 }) / 1000
    );
  }

  rowsFor({ firstArrivalMs }: Batch, nowMs: number): number {
    return this.#control.rowsFor(firstArrivalMs * 1000, nowMs * 1000);
  }

  latestStartMs(arrivedMs: number, rows: number): number {
    return this.#control.latestStartMicros(arrivedMs * 1000, rows) / 1000;
  }

  endMs({ rows, startedMs }: { readonly rows: number; readonly startedMs: number }, nowMs: number): number {
    return this.#control.endMicros({ rows, startedMicros: startedMs * 1000 }, nowMs * 1000) / 1000;
  }

  onRun({ rows, startedMs, endedMs }: FinishedRun): void {
    this.#control.observeRun({ rows, startedMicros: startedMs * 1000 }, endedMs * 1000);
  }

  onAnswer(latencyMs: number): void {
    this.#control.observeLatency(latencyMs * 1000);
  }
}
