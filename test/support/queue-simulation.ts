import { seededRandom } from './seeded-random.js';

/** How the scheduler that is simulated decides; times are microseconds of the simulation. */
export interface SimulatedPolicy {
  /** Rows that a batch may have which starts now, whose oldest request came at `firstArrivalMicros`. */
  rowsFor(firstArrivalMicros: number, nowMicros: number): number;
  dueMicros(batch: { rows: number; sumOfArrivalMicros: number; firstArrivalMicros: number }): number;
  admits(request: {
    rows: number;
    waitingRows: number;
    /** Of the oldest request that waits; NaN without. */
    firstArrivalMicros: number;
    runs: readonly SimulatedRun[];
    nowMicros: number;
  }): boolean;
  latestStartMicros(arrivalMicros: number, rows: number): number;
  /** A run has ended, whose oldest request was answered after `oldestMicros`. */
  ended(run: SimulatedRun, oldestMicros: number): void;
  /** Requests were dropped, as they could not be answered in time any more. */
  dropped(): void;
}

/** A run under way. Policies but the oracle may not look at its end. */
export interface SimulatedRun {
  readonly stream: number;
  readonly rows: number;
  readonly startedMicros: number;
  readonly endMicros: number;
}

/** Requests to one version. */
export interface Stream {
  /** Requests in a microsecond, at random moments (Poisson); nobody waits for an answer before asking again. */
  readonly ratePerMicro: number | ((nowMicros: number) => number);
  /** Rows of a request. */
  readonly rows?: (random: () => number) => number;
  /** Microseconds that a run takes, drawn anew for each. */
  readonly costMicros: (rows: number, nowMicros: number, random: () => number) => number;
  readonly policy: SimulatedPolicy;
}

/** A request's fate. */
export interface SimulatedRequest {
  readonly arrivalMicros: number;
  readonly rows: number;
  /** Refused at once, dropped from the queue, or answered. */
  readonly end: 'refused' | 'dropped' | 'answered';
  /** Start of its run; NaN without. */
  readonly startedMicros: number;
  /** NaN without an answer. */
  readonly endMicros: number;
  readonly batchRows: number;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly slots: number;
  /** The simulation ends once arrivals were accepted for so long, and all that were admitted have ended. */
  readonly durationMicros: number;
  readonly streams: readonly Stream[];
}

export interface SimulationResult {
  /** By stream, in the order of their end. */
  readonly requests: readonly (readonly SimulatedRequest[])[];
  readonly mostWaitingRows: number;
}

interface Waiting {
  readonly arrivalMicros: number;
  readonly rows: number;
}

/**
 * Plays batching on `slots` threads under open-loop load, on a clock of its own: the same seed gives the same result.
 * Versions take turns at the threads; each has one queue, first come, first served.
 */
export function simulateQueue(options: SimulationOptions): SimulationResult {
  return new QueueSimulation(options).run();
}

class QueueSimulation {
  readonly #options: SimulationOptions;
  readonly #random: () => number;
  readonly #requests: SimulatedRequest[][];
  readonly #queues: Waiting[][];
  readonly #waitingRows: number[];
  readonly #nextArrivals: number[];
  #runs: (SimulatedRun & { readonly requests: readonly Waiting[] })[] = [];
  #nowMicros = 0;
  #turn = 0;
  #mostWaitingRows = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#requests = options.streams.map(() => []);
    this.#queues = options.streams.map(() => []);
    this.#waitingRows = options.streams.map(() => 0);
    this.#nextArrivals = options.streams.map((stream) => this.#gapMicros(stream));
  }

  run(): SimulationResult {
    for (;;) {
      const wakeMicros = this.#dispatch();
      const next = Math.min(wakeMicros, ...this.#nextArrivals, ...this.#runs.map((run) => run.endMicros));
      if (next === Infinity) break;
      this.#nowMicros = Math.max(next, this.#nowMicros);
      this.#finishRuns();
      this.#options.streams.forEach((_, index) => {
        this.#arrive(index);
      });
    }
    return { requests: this.#requests, mostWaitingRows: this.#mostWaitingRows };
  }

  #gapMicros({ ratePerMicro }: Stream): number {
    const rate = typeof ratePerMicro === 'number' ? ratePerMicro : ratePerMicro(this.#nowMicros);
    return -Math.log(1 - this.#random()) / rate;
  }

  #arrive(index: number): void {
    if ((this.#nextArrivals[index] as number) > this.#nowMicros) return;
    const stream = this.#options.streams[index] as Stream;
    const queue = this.#queues[index] as Waiting[];
    const rows = stream.rows?.(this.#random) ?? 1;
    const waitingRows = this.#waitingRows[index] as number;
    const request = { arrivalMicros: this.#nowMicros, rows };
    if (
      stream.policy.admits({
        rows,
        waitingRows,
        firstArrivalMicros: queue[0]?.arrivalMicros ?? Number.NaN,
        runs: this.#runs,
        nowMicros: this.#nowMicros,
      })
    ) {
      queue.push(request);
      this.#waitingRows[index] = waitingRows + rows;
      this.#mostWaitingRows = Math.max(this.#mostWaitingRows, waitingRows + rows);
    } else this.#end(index, request, 'refused');
    const next = this.#nowMicros + this.#gapMicros(stream);
    this.#nextArrivals[index] = next > this.#options.durationMicros ? Infinity : next;
  }

  /** Starts what may start, and returns when to look again. */
  #dispatch(): number {
    let wakeMicros = Infinity;
    for (let missed = 0; missed < this.#queues.length && this.#runs.length < this.#options.slots; ) {
      const index = this.#turn++ % this.#queues.length;
      const dueMicros = this.#startBatch(index);
      if (dueMicros === undefined) missed = 0;
      else {
        missed++;
        wakeMicros = Math.min(wakeMicros, dueMicros);
      }
    }
    return wakeMicros;
  }

  /** Starts the next batch of a stream, or says when to ask again. */
  #startBatch(index: number): number | undefined {
    const { policy, costMicros } = this.#options.streams[index] as Stream;
    const queue = this.#queues[index] as Waiting[];
    const first = queue[0];
    if (first === undefined) return Infinity;
    const maxRows = policy.rowsFor(first.arrivalMicros, this.#nowMicros);
    const batch = nextBatch(queue, maxRows);
    const rows = sumRows(batch);
    if (policy.latestStartMicros(first.arrivalMicros, rows) < this.#nowMicros) {
      this.#drop(index, rows);
      return this.#startBatch(index);
    }
    if (rows < maxRows && batch.length === queue.length) {
      const sumOfArrivalMicros = batch.reduce(
        (sum, { rows, arrivalMicros }) => sum + rows * arrivalMicros,
        0,
      );
      const dueMicros = policy.dueMicros({
        rows,
        sumOfArrivalMicros,
        firstArrivalMicros: first.arrivalMicros,
      });
      if (dueMicros > this.#nowMicros + 0.01) return dueMicros;
    }
    queue.splice(0, batch.length);
    this.#waitingRows[index] = (this.#waitingRows[index] as number) - rows;
    const endMicros = this.#nowMicros + costMicros(rows, this.#nowMicros, this.#random);
    this.#runs.push({ stream: index, rows, startedMicros: this.#nowMicros, endMicros, requests: batch });
    return undefined;
  }

  #drop(index: number, rows: number): void {
    const { policy } = this.#options.streams[index] as Stream;
    const queue = this.#queues[index] as Waiting[];
    const isLate = ({ arrivalMicros }: Waiting) =>
      policy.latestStartMicros(arrivalMicros, rows) < this.#nowMicros;
    while (queue[0] !== undefined && isLate(queue[0])) {
      this.#waitingRows[index] = (this.#waitingRows[index] as number) - queue[0].rows;
      this.#end(index, queue.shift() as Waiting, 'dropped');
    }
    policy.dropped();
  }

  #finishRuns(): void {
    const ended = this.#runs.filter((run) => run.endMicros <= this.#nowMicros);
    this.#runs = this.#runs.filter((run) => run.endMicros > this.#nowMicros);
    for (const run of ended) {
      for (const request of run.requests) this.#end(run.stream, request, 'answered', run);
      const oldest = run.requests[0] as Waiting;
      (this.#options.streams[run.stream] as Stream).policy.ended(run, run.endMicros - oldest.arrivalMicros);
    }
  }

  #end(index: number, request: Waiting, end: SimulatedRequest['end'], run?: SimulatedRun): void {
    const {
      startedMicros,
      endMicros,
      rows: batchRows,
    } = run ?? { startedMicros: NaN, endMicros: NaN, rows: 0 };
    (this.#requests[index] as SimulatedRequest[]).push({
      ...request,
      end,
      startedMicros,
      endMicros,
      batchRows,
    });
  }
}

/** The requests at the head of a queue that fit into a batch; the first one always does. */
function nextBatch(queue: readonly Waiting[], maxRows: number): readonly Waiting[] {
  let rows = queue[0]?.rows ?? 0;
  let count = Math.min(queue.length, 1);
  while (count < queue.length && rows + (queue[count] as Waiting).rows <= maxRows) {
    rows += (queue[count] as Waiting).rows;
    count++;
  }
  return queue.slice(0, count);
}

function sumRows(requests: readonly Waiting[]): number {
  return requests.reduce((sum, { rows }) => sum + rows, 0);
}

/** A draw from the normal distribution (Box-Muller). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
