import { CostModel } from './cost-model.js';
import { LatencyBudget } from './latency-budget.js';

/** @internal */
export interface LatencyControlOptions {
  /** Microseconds from a request's arrival to its answer, within which 99 of 100 are to be. More than 0. */
  readonly targetMicros: number;
  /** Rows that a batch may have, whatever the target. At least 1. */
  readonly maxRows: number;
  /** Runs that may be under way at once: the batch threads. At least 1. */
  readonly slots: number;
}

/** @internal A request that has just arrived, and what is ahead of it. */
export interface Placement {
  readonly rows: number;
  /** Rows of this version that wait ahead of it. */
  readonly waitingRows: number;
  /** When the oldest of those arrived. Not read while none waits. */
  readonly firstArrivalMicros: number;
  /** When each run under way will end, those of other versions included: by {@link LatencyControl.endMicros} of its own. */
  readonly busyUntilMicros: readonly number[];
  readonly nowMicros: number;
}

/** @internal A batch that is not full. */
export interface OpenBatch {
  /** At least 1. */
  readonly rows: number;
  /** For each row, when its request arrived, added up. */
  readonly sumOfArrivalMicros: number;
  /** When the oldest arrived. */
  readonly firstArrivalMicros: number;
}

/** @internal A run that is under way or was. */
export interface StartedRun {
  readonly rows: number;
  readonly startedMicros: number;
}

/** Batches grow to twice the largest that was seen to run: what the fit says of larger ones is a guess. */
const growth = 2;
/**
 * Of a run, what a request waits that arrives while all slots are busy: half of it, on average. A whole one would leave
 * room for who just missed a batch, who is refused instead. In simulation, that costs 7 % of the throughput of a single
 * thread, and is worth 2 to 5 % with four of them and noisy runs.
 */
const waitedShare = 0.5;
/** Two runs of independent noise, the one that is waited for and one's own: √2 times that of one. */
const twoRuns = Math.SQRT2;
/** How far off the fit is, in deviations of a run: √(1/80) for the scale, and a little for its division. Does not average out. */
const fitDeviation = 0.15;
/**
 * Of the target, the part by which the oldest request of a batch is to be answered. The rest is for what costs deviate
 * from a straight line, for timers and for the answer's way back. In simulation, where there is none of that, 1 gives up
 * to 4 % more throughput and up to 0.05 % more late answers.
 */
const aimShare = 0.95;
/**
 * Of a full batch, what a batch has at least, where so many wait, however little time its oldest request has left. A
 * run of one row for its sake would make a hundred others late; rather it is dropped (early drop, Nexus, SOSP 2019).
 */
const leastFill = 0.25;
/** Up to a hundredth of a slot's time goes into finding out whether a target that was out of reach has come into it. */
const probeRuns = 100;

/**
 * @internal Chooses batch sizes and waits of one version, and whom to refuse, such that 99 of 100 of the admitted are
 * answered within the target, and as many as that allows. Pure: all times are passed in, microseconds of one clock.
 *
 * The law, feed-forward with a feedback on its error:
 *
 *  1 COST. A run of n rows takes a + b·n, learned from runs with its noise ({@link CostModel}).
 *  2 SIZE. The largest n with upper(n) · (1 + 1/(2 · slots)) ≤ share · target: wait for a slot, then run. At most twice
 *    the largest seen, so sizes start at 1 and double. A batch also ends where its oldest request would be late.
 *  3 WAIT. With a slot idle, a batch waits until its rows have together waited for a, what one more run would cost:
 *    ski rental, never worse than twice the best (Dooly, Goldman & Scott, TCP dynamic acknowledgment delay, STOC 1998).
 *  4 ADMISSION. Work ahead of a request, over slots, is its wait (Little's law, the queue being cut where wait + own run
 *    exceeds share · target). Noise of runs in a row adds up by squares.
 *  5 FEEDBACK. What the forecast does not see moves `share`, up slowly and down by a tenth ({@link LatencyBudget}).
 *
 * How a scheduler uses it: `admits` at arrival; while a slot is idle, drop from the head of the queue who is past
 * `latestStartMicros` (and say so by `observeLatency(Infinity)`, once for a dispatch), take at most `rowsFor` rows, run
 * them if that many wait or `dueMicros` is reached; at the end of a run, `observeRun`, then `observeLatency` of its
 * oldest request. A failed run is not reported.
 */
export class LatencyControl {
  readonly #targetMicros: number;
  readonly #maxRows: number;
  readonly #slots: number;
  readonly #cost = new CostModel();
  readonly #budget = new LatencyBudget();
  #largestRows = 0;
  #lastEndMicros = Number.NEGATIVE_INFINITY;
  /** Always what #fittingRows() gives: cost and budget change at the end of runs, and it is read at each arrival. */
  #fullRows = 1;

  constructor({ targetMicros, maxRows, slots }: LatencyControlOptions) {
    this.#targetMicros = targetMicros;
    this.#maxRows = maxRows;
    this.#slots = slots;
  }

  /** Rows of a full batch, from 1, which is all that is risked before the first run, to the `maxRows` of the options. */
  get maxRows(): number {
    return this.#fullRows;
  }

  /** Share of the target that forecasts may use up now: 0.1 to 0.9. */
  get budgetShare(): number {
    return this.#budget.share;
  }

  /** What runs cost, as learned so far. To be read alone. */
  get cost(): Pick<CostModel, 'runs' | 'fixedMicros' | 'perRowMicros' | 'margin'> {
    return this.#cost;
  }

  /**
   * Rows that a batch may have which starts at `nowMicros`: `maxRows`, or as many as 99 of 100 times are done by the
   * deadline of its oldest request, but a quarter of `maxRows` at least.
   */
  rowsFor(firstArrivalMicros: number, nowMicros: number): number {
    return this.#rowsBy(firstArrivalMicros + aimShare * this.#targetMicros - nowMicros, 1);
  }

  /**
   * When a run under way will end. One that takes longer than 99 of 100 is taken to be half way, however long it takes:
   * nothing is known of it but its age.
   */
  endMicros({ rows, startedMicros }: StartedRun, nowMicros: number): number {
    const expected = startedMicros + this.#cost.expectedMicros(rows);
    if (expected > nowMicros) return expected;
    const upper = startedMicros + this.#cost.upperMicros(rows);
    return upper > nowMicros ? upper : nowMicros + (nowMicros - startedMicros);
  }

  /**
   * When a batch is to start that is not full, a slot being idle. Not after the moment from which its oldest row would
   * be late; at once while it is not known what a run costs before its first row.
   */
  dueMicros({ rows, sumOfArrivalMicros, firstArrivalMicros }: OpenBatch): number {
    const latest = firstArrivalMicros + this.#budgetMicros - this.#cost.upperMicros(rows);
    return Math.min((this.#cost.fixedMicros + sumOfArrivalMicros) / rows, latest);
  }

  /**
   * Microseconds within which 99 of 100 requests so placed are answered, counted from now; 0 while nothing is known.
   * One that is larger than a batch is taken to be cut.
   */
  forecastMicros(placement: Placement): number {
    const free = this.#freeSlots(placement);
    const { batchesAhead, rows } = this.#findBatch(placement, free[0] as number);
    const slotMicros = free[batchesAhead % this.#slots] as number;
    const fullMicros = this.#cost.expectedMicros(this.#fullRows);
    // Who has to wait is joined by others: rowsFor lets so many run, whatever that does to the oldest.
    const ownRows = slotMicros > 0 ? Math.max(rows, this.#leastRows) : rows;
    const ownMicros = this.#cost.expectedMicros(ownRows);
    const underWayMicros = slotMicros > 0 ? fullMicros : 0;
    const rounds = Math.floor(batchesAhead / this.#slots);
    const runMicros = rounds * fullMicros + ownMicros;
    const noiseMicros = Math.sqrt(underWayMicros ** 2 + rounds * fullMicros ** 2 + ownMicros ** 2);
    const offMicros = noiseMicros + fitDeviation * (underWayMicros + runMicros);
    return slotMicros + runMicros + this.#cost.margin * offMicros;
  }

  /**
   * Whether a request is to be taken in; who is not is to be refused at once.
   *
   * Who starts at once may use up all of the target. Before the first run has ended, only those are taken. If even they
   * would be late, the target is out of reach, and only probes are taken: one at a time, on idle slots, and for each run
   * a hundred times as long none, less while few were seen. They are expected to be late; they find out what has changed.
   */
  admits(placement: Placement): boolean {
    const { rows, waitingRows, busyUntilMicros, nowMicros } = placement;
    const isNext = waitingRows === 0 && busyUntilMicros.length < this.#slots;
    if (this.#cost.runs === 0) return isNext;
    const forecastMicros = this.forecastMicros(placement);
    if (forecastMicros <= (isNext ? this.#targetMicros : this.#budgetMicros)) return true;
    const restMicros = this.#cost.expectedMicros(rows) * Math.min(this.#cost.runs, probeRuns);
    return isNext && busyUntilMicros.length === 0 && nowMicros >= this.#lastEndMicros + restMicros;
  }

  /**
   * Until when a request may start in a run of `rows`: later, it is expected to miss its deadline, and is to be dropped.
   * Where such a run takes longer than the target, which a probe may, only the deadline itself counts.
   */
  latestStartMicros(arrivalMicros: number, rows: number): number {
    const runMicros = this.#cost.expectedMicros(rows);
    return arrivalMicros + this.#targetMicros - (runMicros < this.#targetMicros ? runMicros : 0);
  }

  /** Takes in that a run has ended well. Warm-up runs count: with two sizes of them, the first request is forecast. */
  observeRun({ rows, startedMicros }: StartedRun, endedMicros: number): void {
    this.#cost.observe(rows, endedMicros - startedMicros);
    this.#largestRows = Math.max(this.#largestRows, rows);
    this.#lastEndMicros = endedMicros;
    this.#fullRows = this.#fittingRows();
  }

  /** Takes in after how long the oldest request of a batch was answered; infinity when some had to be dropped. */
  observeLatency(micros: number): void {
    this.#budget.observe(micros <= this.#targetMicros);
    this.#fullRows = this.#fittingRows();
  }

  get #budgetMicros(): number {
    return this.#budget.share * this.#targetMicros;
  }

  get #leastRows(): number {
    return Math.ceil(leastFill * this.#fullRows);
  }

  /** Microseconds until each slot is free, ascending. */
  #freeSlots({ busyUntilMicros, nowMicros }: Placement): number[] {
    const free = busyUntilMicros.map((micros) => Math.max(micros - nowMicros, 0));
    while (free.length < this.#slots) free.push(0);
    return free.sort((one, other) => one - other);
  }

  /** Where a request will find itself, if nobody joins: the batch that starts next is limited by its oldest request. */
  #findBatch(placement: Placement, slotMicros: number): { batchesAhead: number; rows: number } {
    const { rows, waitingRows, firstArrivalMicros, nowMicros } = placement;
    const leftMicros = firstArrivalMicros + aimShare * this.#targetMicros - nowMicros - slotMicros;
    const nextRows = waitingRows === 0 ? this.#fullRows : this.#rowsBy(leftMicros, twoRuns);
    const beyond = waitingRows + rows - nextRows;
    if (beyond <= 0) return { batchesAhead: 0, rows: waitingRows + rows };
    const batchesAhead = Math.ceil(beyond / this.#fullRows);
    return { batchesAhead, rows: Math.max(beyond - (batchesAhead - 1) * this.#fullRows, 1) };
  }

  #fittingRows(): number {
    const waited = waitedShare / this.#slots;
    const runs = 1 + waited + this.#cost.margin * Math.hypot(1, waited);
    const largest = Math.min(this.#maxRows, growth * this.#largestRows);
    return Math.max(1, Math.min(largest, this.#cost.rowsWithin(this.#budgetMicros / runs)));
  }

  /** Rows of a batch that is to be done in `micros`, with so many times the margin of a run. */
  #rowsBy(micros: number, margins: number): number {
    const within = this.#cost.rowsWithin(micros / (1 + margins * this.#cost.margin));
    return Math.min(this.#fullRows, Math.max(within, this.#leastRows));
  }
}
