import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How late the event loop was, in seconds, by the part of its turns that were no later. */
export type Delays = readonly (readonly [quantile: string, seconds: number])[];

/** Milliseconds between two looks at the loop. */
const resolution = 20;

const quantiles = [50, 90, 99, 100];

/**
 * Watches how late the event loop is: from the first time that somebody asks, since a timer that fires 50 times a second is
 * not free, and nobody has it who does not want to know.
 */
export class EventLoopDelay {
  #histogram: IntervalHistogram | undefined;

  /** The delays since the last time that this was called; none the first time. */
  read(): Delays {
    if (this.#histogram === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution });
      this.#histogram.enable();
      return [];
    }
    const histogram = this.#histogram;
    if (histogram.count === 0) return [];
    const delays = quantiles.map((percent) => {
      const nanos = histogram.percentile(percent);
      return [String(percent / 100), Math.max(0, nanos / 1e9 - resolution / 1000)] as const;
    });
    histogram.reset();
    return delays;
  }

  close(): void {
    this.#histogram?.disable();
    this.#histogram = undefined;
  }
}
