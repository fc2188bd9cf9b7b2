/**
 * Weight that a new run has in the fitted cost once there are many: 1 in 40. A slow drift is followed within some tens
 * of runs, and the fit is off by a tenth of what single runs are; jumps are noticed apart from it.
 */
const scaleDrift = drift(1 / 40);
/**
 * The same for how the cost divides between its fixed part and its rows. That is a property of the model, not of the
 * moment, and batches of nearly one size say little of it: it is remembered longer.
 */
const shapeDrift = drift(1 / 100);
/** Variance of the division before two sizes were seen, in variances of one run: the second size decides it by itself. */
const unknownShape = 4;
/** Jacobson's four mean deviations; the 99.9th percentile of a normal ratio, the 99.5th of a log-normal one. */
const deviationsAbove = 4;
/** Assumed of a single run: that the next may take twice as long. */
const firstDeviation = 0.25;
/** No machine is steadier than this; a cost that seems to be is a coarse clock's. */
const leastDeviation = 0.01;
/** Runs over which the deviation is averaged; with 64 it is itself off by less than a tenth. */
const deviationRuns = 64;
/** Deviations off the fit at which a run stops to pull harder: two runs of a thousand are beyond it by chance. */
const outlierDeviations = 4;
/** Last runs whose median tells an outlier from a change: three that agree are a change, two are not. */
const recentRuns = 5;
/** Runs that count as seen once the cost has changed: the average over older ones is of another machine. */
const runsAfterChange = 4;
/** No run is shorter; keeps a clock that stands still from dividing by zero. */
const leastMicros = 1e-3;

/**
 * @internal What runs of a version cost, `fixed + perRow · rows`, learned from those that were seen, and how far above that the
 * slow ones are. Pure: no clock, no chance.
 *
 * The fit is recursive least squares on the relative error, in its Kalman form (Åström & Wittenmark, Adaptive Control,
 * section 2.2), with both parts at least 0. Forgetting by a factor would, on runs of one size, forget what the other
 * sizes cost ("estimator wind-up"); here, the process noise says what may change: the whole cost quickly, its division
 * slowly. The margin is Jacobson's mean deviation (Congestion Avoidance and Control, SIGCOMM 1988).
 *
 * A single outlier pulls no harder than an ordinary slow run: a run counts as far off as it is only as the median of
 * the last five agrees. Then the cost has changed: the fit is scaled to it, and open to what follows.
 */
export class CostModel {
  #runs = 0;
  #fixed = 0;
  #perRow = 0;
  #deviation = firstDeviation;
  /** Covariance of fixed and perRow, in variances of a run's relative error: [fixed, both, perRow]. */
  #covariance: readonly [number, number, number] = [0, 0, 0];
  /** Relative errors of the last runs, oldest first, as they came. */
  #errors: readonly number[] = [];

  /** Runs that the fit rests on: those observed, or a few after the cost has changed. 0: nothing is known. */
  get runs(): number {
    return this.#runs;
  }

  /** Microseconds that a run costs before its first row; 0 until two sizes were seen. */
  get fixedMicros(): number {
    return this.#fixed;
  }

  /** Microseconds that each row adds. Before two sizes were seen, the whole cost: large runs are rather over-rated. */
  get perRowMicros(): number {
    return this.#perRow;
  }

  /** By what a run's upper quantile, about the 99th percentile, exceeds its expected cost: 0.5 for half of it. */
  get margin(): number {
    return deviationsAbove * Math.max(this.#deviation, leastDeviation);
  }

  /** Microseconds that a run of `rows` takes on average; 0 while nothing is known. */
  expectedMicros(rows: number): number {
    return this.#fixed + this.#perRow * rows;
  }

  /** Microseconds that 99 of 100 runs of `rows` take at most; 0 while nothing is known. */
  upperMicros(rows: number): number {
    return this.expectedMicros(rows) * (1 + this.margin);
  }

  /** The most rows that on average run within `micros`; less than 1 if none do, infinity if rows cost nothing. */
  rowsWithin(micros: number): number {
    const left = micros - this.#fixed;
    if (left < 0) return 0;
    return this.#perRow > 0 ? Math.floor(left / this.#perRow) : Number.POSITIVE_INFINITY;
  }

  /** Takes in that a run of `rows` took `micros`. What cannot be (no rows, less than no time, NaN) is ignored. */
  observe(rows: number, micros: number): void {
    if (!(rows > 0 && micros >= 0 && Number.isFinite(rows) && Number.isFinite(micros))) return;
    if (this.#runs === 0) this.#start(rows, Math.max(micros, leastMicros));
    else this.#follow(rows, Math.max(micros, leastMicros));
    this.#runs++;
  }

  #start(rows: number, micros: number): void {
    this.#perRow = micros / rows;
    this.#covariance = [0, 0, micros ** 2 / rows ** 2];
    this.#loosen(0, unknownShape, rows);
  }

  #follow(rows: number, micros: number): void {
    const offBy = () => micros / this.#fittedMicros(rows) - 1;
    this.#errors = [...this.#errors, offBy()].slice(-recentRuns);
    // Two runs are no majority yet.
    const middle = this.#errors.length < 3 ? 0 : median(this.#errors);
    const reach = outlierDeviations * Math.max(this.#deviation, leastDeviation);
    if (Math.abs(middle) > reach) this.#reopen(rows, 1 + middle);
    else this.#loosen(scaleDrift, shapeDrift, rows);
    const error = offBy();
    this.#correct(rows, this.#fittedMicros(rows), clamp(error, -reach, reach));
    // Twice the reach: what is often far off must widen the margin, though it may not move the fit.
    const apart = Math.min(Math.abs(error), 2 * reach);
    this.#deviation += (apart - this.#deviation) / Math.min(this.#runs + 1, deviationRuns);
  }

  /** The cost is now `factor` times what it was: all is scaled, and as uncertain as after the first run. */
  #reopen(rows: number, factor: number): void {
    this.#fixed *= factor;
    this.#perRow *= factor;
    const [fixed, both, perRow] = this.#covariance;
    this.#covariance = [fixed * factor ** 2, both * factor ** 2, perRow * factor ** 2];
    this.#loosen(1, 1, rows);
    this.#runs = Math.min(this.#runs, runsAfterChange);
    // They are of the old cost.
    this.#errors = [];
  }

  /** Adds variance: `scale` to the whole cost, `shape` to the division that leaves the cost of `rows` as it is. */
  #loosen(scale: number, shape: number, rows: number): void {
    const [fixed, both, perRow] = this.#covariance;
    const turn = shape * this.#fittedMicros(rows) ** 2;
    this.#covariance = [
      fixed + scale * this.#fixed ** 2 + turn,
      both + scale * this.#fixed * this.#perRow - turn / rows,
      perRow + scale * this.#perRow ** 2 + turn / rows ** 2,
    ];
  }

  #correct(rows: number, fitted: number, error: number): void {
    const [fixed, both, perRow] = this.#covariance;
    const toFixed = fixed + both * rows;
    const toPerRow = both + perRow * rows;
    const variance = toFixed + toPerRow * rows + fitted ** 2;
    const step = (error * fitted) / variance;
    this.#fixed += toFixed * step;
    this.#perRow += toPerRow * step;
    this.#covariance = [
      fixed - toFixed ** 2 / variance,
      both - (toFixed * toPerRow) / variance,
      perRow - toPerRow ** 2 / variance,
    ];
    this.#keepPositive();
  }

  /** The best fit with a negative part set to 0: the other part takes over what the two share. */
  #keepPositive(): void {
    const [fixed, both, perRow] = this.#covariance;
    if (this.#fixed < 0) {
      this.#perRow = Math.max(this.#perRow - (both / fixed) * this.#fixed, 0);
      this.#fixed = 0;
    } else if (this.#perRow < 0) {
      this.#fixed = Math.max(this.#fixed - (both / perRow) * this.#perRow, 0);
      this.#perRow = 0;
    }
  }

  #fittedMicros(rows: number): number {
    return Math.max(this.expectedMicros(rows), leastMicros);
  }
}

/** Variance to add at each run such that, in the long term, a run has the weight `gain`: a random walk's. */
function drift(gain: number): number {
  return gain ** 2 / (1 - gain);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
