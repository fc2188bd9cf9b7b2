/** Measured runs of a size before the measurement is believed. */
const minMeasuredRuns = 3;

/** How much of the worst time is remembered from one measured run to the next: one slow run fades in some tens. */
const fading = 0.9;

/**
 * How long the runs of one servable take, by the size of their inputs.
 *
 * Sizes are told apart by powers of two: a request of 1,000 elements says much of one of 900 and nothing of one of
 * 100,000. What counts is the worst of the recent times, not the mean: the estimate guards the host's event loop.
 */
export class RunTimes {
  /** By the bit length of the element count. */
  readonly #bySize: { runs: number; worstMicros: number }[] = [];

  /** Remembers a run. */
  record(elements: number, micros: number): void {
    const { runs, worstMicros } = this.#bySize[bitLength(elements)] ?? { runs: 0, worstMicros: 0 };
    this.#bySize[bitLength(elements)] = {
      runs: runs + 1,
      worstMicros: Math.max(micros, worstMicros * fading),
    };
  }

  /** The time to expect, in microseconds; infinity where too little is known. */
  expectedMicros(elements: number): number {
    const size = this.#bySize[bitLength(elements)];
    return size === undefined || size.runs < minMeasuredRuns ? Number.POSITIVE_INFINITY : size.worstMicros;
  }

  /** Forgets everything: a run took far longer than expected. */
  clear(): void {
    this.#bySize.length = 0;
  }
}

function bitLength(elements: number): number {
  return elements === 0 ? 0 : Math.floor(Math.log2(elements)) + 1;
}
