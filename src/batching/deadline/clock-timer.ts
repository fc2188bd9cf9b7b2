import type { Clock } from '../../core/clock.js';
import { keepProcessAlive } from '../../core/keep-alive.js';
import type { DeadlineTimer } from './deadline-timer.js';

/** A timer as precise as a clock's own. While a moment is set, the process stays alive: somebody awaits an answer. */
export class ClockTimer implements DeadlineTimer {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  set(deadlineMs: number): void {
    this.clear();
    if (this.#isClosed) return;
    const letProcessEnd = keepProcessAlive();
    const cancelTimer = this.#clock.schedule(Math.max(0, deadlineMs - this.#clock.now()), () => {
      this.clear();
      this.#onDue();
    });
    this.#cancel = () => {
      cancelTimer();
      letProcessEnd();
    };
  }

  clear(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.clear();
  }
}
