/** How much a new measurement weighs against the mean so far: some ten runs are remembered. */
const weight = 0.1;

/**
 * A model's claim on the threads: what it has used of them, in microseconds.
 *
 * The flow that has used least goes next. One that had nothing to do does not save up: it comes back at what the others
 * have used by then, so it goes next, but not for long alone. Source: start-time fair queueing (Goyal, Vin and Cheng,
 * SIGCOMM 1996), with a batch's cost corrected when it is known.
 */
export class Flow {
  readonly name: string;
  #usedMicros = 0;
  #meanMicros = 0;
  /** Batches that wait or run. */
  #active = 0;

  constructor(name: string) {
    this.name = name;
  }

  get usedMicros(): number {
    return this.#usedMicros;
  }

  /** A batch begins to wait. @param nowMicros what the flow that went last had used then. */
  enter(nowMicros: number): void {
    if (this.#active++ === 0) this.#usedMicros = Math.max(this.#usedMicros, nowMicros);
  }

  /** A batch goes; it is charged what batches of this flow cost on the average. Returns the charge. */
  start(): number {
    this.#usedMicros += this.#meanMicros;
    return this.#meanMicros;
  }

  /** A batch is over; the charge is corrected to what it took. */
  finish(micros: number, charge: number): void {
    this.#active--;
    this.#usedMicros += micros - charge;
    this.#meanMicros += (micros - this.#meanMicros) * (this.#meanMicros === 0 ? 1 : weight);
  }

  /** A batch that waited goes away without having run. */
  withdraw(): void {
    this.#active--;
  }
}
