/**
 * The time that inline runs may hold the host's event loop, in one turn of it.
 *
 * Promises settle within a turn, so without this bound a host that awaits one short run after the other would never
 * get to its sockets and timers.
 */
export class TurnBudget {
  readonly #maxMicros: number;
  readonly #onNextTurn: (callback: () => void) => void;
  #heldMicros = 0;

  constructor(maxMicros: number, onNextTurn: (callback: () => void) => void = setImmediate) {
    this.#maxMicros = maxMicros;
    this.#onNextTurn = onNextTurn;
  }

  /** True where the turn has this much time left. */
  allows(micros: number): boolean {
    return this.#heldMicros + micros <= this.#maxMicros;
  }

  /** Counts time that the loop has been held for. */
  spend(micros: number): void {
    if (this.#heldMicros === 0) this.#onNextTurn(() => this.#reset());
    this.#heldMicros += micros;
  }

  #reset(): void {
    this.#heldMicros = 0;
  }
}
