/**
 * Plays batching on `slots` threads under open-loop load, on a clock of its own: the same seed gives the same result.
 * Versions take turns at the threads; each has one queue, first come, first served.
 */
export function simulateQueue(options) {
  return new QueueSimulation(options).run();
}
class QueueSimulation {
  #options;
  #random;
  #requests;
  #queues;
  #waitingRows;
  #nextArrivals;
  #runs = [];
  #nowMicros = 0;
  #turn = 0;
  #mostWaitingRows = 0;
  constructor(options) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#requests = options.streams.map(() => []);
    this.#queues = options.streams.map(() => []);
    this.#waitingRows = options.streams.map(() => 0);
    this.#nextArrivals = options.streams.map((stream) => this.#gapMicros(stream));
  }
  run() {
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
  #gapMicros({ ratePerMicro }) {
    const rate = typeof ratePerMicro === 'number' ? ratePerMicro : ratePerMicro(this.#nowMicros);
    return -Math.log(1 - this.#random()) / rate;
  }
  #arrive(index) {
    if (this.#nextArrivals[index] > this.#nowMicros) return;
    const stream = this.#options.streams[index];
    const queue = this.#queues[index];
    const rows = stream.rows?.(this.#random) ?? 1;
    const waitingRows = this.#waitingRows[index];
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
  #dispatch() {
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
  #startBatch(index) {
    const { policy, costMicros } = this.#options.streams[index];
    const queue = this.#queues[index];
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
    this.#waitingRows[index] = this.#waitingRows[index] - rows;
    const endMicros = this.#nowMicros + costMicros(rows, this.#nowMicros, this.#random);
    this.#runs.push({ stream: index, rows, startedMicros: this.#nowMicros, endMicros, requests: batch });
    return undefined;
  }
  #drop(index, rows) {
    const { policy } = this.#options.streams[index];
    const queue = this.#queues[index];
    const isLate = ({ arrivalMicros }) => policy.latestStartMicros(arrivalMicros, rows) < this.#nowMicros;
    while (queue[0] !== undefined && isLate(queue[0])) {
      this.#waitingRows[index] = this.#waitingRows[index] - queue[0].rows;
      this.#end(index, queue.shift(), 'dropped');
    }
    policy.dropped();
  }
  #finishRuns() {
    const ended = this.#runs.filter((run) => run.endMicros <= this.#nowMicros);
    this.#runs = this.#runs.filter((run) => run.endMicros > this.#nowMicros);
    for (const run of ended) {
      for (const request of run.requests) this.#end(run.stream, request, 'answered', run);
      const oldest = run.requests[0];
      this.#options.streams[run.stream].policy.ended(run, run.endMicros - oldest.arrivalMicros);
    }
  }
  #end(index, request, end, run) {
    const {
      startedMicros,
      endMicros,
      rows: batchRows,
    } = run ?? { startedMicros: NaN, endMicros: NaN, rows: 0 };
    this.#requests[index].push({ ...request, end, startedMicros, endMicros, batchRows });
  }
}
/** The requests at the head of a queue that fit into a batch; the first one always does. */
function nextBatch(queue, maxRows) {
  let rows = queue[0]?.rows ?? 0;
  let count = Math.min(queue.length, 1);
  while (count < queue.length && rows + queue[count].rows <= maxRows) {
    rows += queue[count].rows;
    count++;
  }
  return queue.slice(0, count);
}
function sumRows(requests) {
  return requests.reduce((sum, { rows }) => sum + rows, 0);
}
/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seededRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
/** A draw from the normal distribution (Box-Muller). */
export function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
