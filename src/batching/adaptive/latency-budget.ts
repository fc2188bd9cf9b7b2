/** Begin of the feedback: room for a fifth that the forecast does not know of. */
const firstShare = 0.8;
/**
 * The forecast is never trusted with all of the target: timers and the answer's way back take something. In simulation,
 * 0.95 gives noisy runs 1 % more throughput and 0.1 % more late answers; the rest does not gain.
 */
const mostShare = 0.9;
/** With less there would be hardly a request admitted; a forecast that is off by ten is not mended by a smaller share. */
const leastShare = 0.1;
/** Clipper's factor: a tenth less for each breach. */
const decrease = 0.9;
/** What a batch in time adds: from 0.8 to 0.9 in 200 batches, and a breach is made up for in as many. */
const increase = 0.0005;
/** Batches in 100 that may be late: the 99th percentile. */
const lateAllowance = 0.01;
/** Late batches in a row that are still chance, as outliers come in twos: who ran in one, and who waited behind it. */
const mostCredit = 3;

/**
 * @internal The share of the latency target that forecasts may use up: additive increase, multiplicative decrease (Clipper,
 * NSDI 2017, section 4.3.1, after TCP), on what the forecast does not see: other models on the same threads, an event
 * loop that is late, costs that grow faster than the rows.
 *
 * "The 99th percentile is over the target" is kept as an account of credit: a batch in time earns a hundredth, a late
 * one costs one, and an overdrawn account is a breach. It answers to a run of misses at once and needs no window.
 */
export class LatencyBudget {
  #share = firstShare;
  #credit = mostCredit;

  /** Between 0.1 and 0.9. */
  get share(): number {
    return this.#share;
  }

  /** Takes in whether the oldest request of a batch was answered in time. */
  observe(isInTime: boolean): void {
    if (isInTime) {
      this.#share = Math.min(this.#share + increase, mostShare);
      this.#credit = Math.min(this.#credit + lateAllowance, mostCredit);
      return;
    }
    this.#credit -= 1;
    if (this.#credit >= 0) return;
    this.#share = Math.max(this.#share * decrease, leastShare);
    // One more may follow from what was admitted under the old share.
    this.#credit = 1;
  }
}
