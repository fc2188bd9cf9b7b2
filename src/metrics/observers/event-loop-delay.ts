import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How late the event loop was, in seconds, by the part of its turns that were no later. */
export type Delays = readonly (readonly [quantile: string, seconds: number])[];

/** Milliseconds between two looks at the loop. */
const resolution = 20;

const quantiles = [50, 90, 99, 100];

/**
 * Milliseconds that are looked at together, at least. Metrics of many models are printed in several turns of the loop, and
 * each of them asks.
 */
const minWindowMs = 1000;

/**
 * Watches how late the event loop is: from the first time that somebody asks, since a timer that fires 50 times a second is
 * not free, and nobody has it who does not want to know.
 */
export class EventLoopDelay {
  #histogram: IntervalHistogram | undefined;
  #sinceMs = 0;

  /** The delays since this last told some: none the first time, and none when that was less than a second ago. */
  read(): Delays {
    const histogram = this.#histogram ?? this.#begin();
    if (performance.now() - this.#sinceMs < minWindowMs || histogram.count === 0) return [];
    this.#sinceMs = performance.now();
    const delays = quantiles.map((percent) => {
      const nanos = histogram.percentile(percent);
      return [String(percent / 100), Math.max(0, nanos / 1e9 - resolution / 1000)] as const;
    });
    histogram.reset();
    return delays;
  }

  #begin(): IntervalHistogram {
    this.#sinceMs = performance.now();
    this.#histogram = monitorEventLoopDelay({ resolution });
    this.#histogram.enable();
    return this.#histogram;
  }

  close(): void {
    this.#histogram?.disable();
    this.#histogram = undefined;
  }
}
