// Hot path: once for each call. Guarded by bench/client/predict.mjs.
import { Cancellation, type CancelSignal } from '../core/cancellation.js';
import type { Clock } from '../core/clock.js';
import { ServingError } from '../core/errors.js';
import { keepProcessAlive } from '../core/keep-alive.js';
import { withPatience } from '../core/patience.js';
import type { CallOptions } from './call-options.js';
import { backoffMs, type RetryPolicy } from './retry-policy.js';
import type { Question } from './wire.js';

export interface CallsParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
}

/** Asks questions as often as it takes, each for as long as its caller waits; and knows which are under way. */
export class Calls {
  readonly #parts: CallsParts;
  /** What fails each call that is under way. */
  readonly #underway = new Set<(error: ServingError) => void>();
  /** Aborted when those that were left have been failed. */
  readonly #cut = new Cancellation();
  #isClosed = false;
  #onIdle: (() => void) | undefined;

  constructor(parts: CallsParts) {
    this.#parts = parts;
  }

  /** @throws ServingError FAILED_PRECONDITION, when no more calls are taken. */
  assertOpen(): void {
    if (this.#isClosed)
      throw new ServingError('FAILED_PRECONDITION', 'Cannot call the server: the client is closed');
  }

  /**
   * The answer to a question. It is asked again while that may help, and there is time for it.
   *
   * @param isRepeatable false for what may not be done twice.
   */
  ask<T>(question: Question<T>, options: CallOptions = {}, isRepeatable = true): Promise<T> {
    const { clock, timeoutMs: usualMs } = this.#parts;
    const { timeoutMs = usualMs, signal } = options;
    return new Promise<T>((resolve, reject) => {
      this.assertOpen();
      this.#underway.add(reject);
      const done = () => {
        this.#underway.delete(reject);
        if (this.#underway.size === 0) this.#onIdle?.();
      };
      withPatience(clock, { timeoutMs, ...(signal && { signal }) }, (child, deadlineMs) =>
        this.#repeat(question, { signal: child, deadlineMs, isRepeatable }),
      )
        .then(resolve, reject)
        .finally(done);
    });
  }

  /** Takes no more calls, and resolves when none is under way, or the time is over: then those that are left fail. */
  async close(graceMs: number): Promise<void> {
    this.#isClosed = true;
    if (this.#underway.size === 0) return;
    let cancel: (() => void) | undefined;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      if (graceMs !== Number.POSITIVE_INFINITY) cancel = this.#parts.clock.schedule(graceMs, resolve);
    });
    cancel?.();
    for (const fail of this.#underway) {
      fail(new ServingError('CANCELLED', 'The client was closed before the answer came'));
    }
    this.#cut.abort();
  }

  async #repeat<T>(question: Question<T>, terms: Terms): Promise<T> {
    const { clock, retry, random } = this.#parts;
    const { signal, deadlineMs = Number.POSITIVE_INFINITY, isRepeatable } = terms;
    for (let attempts = 1; ; attempts++) {
      try {
        return await question({ signal, timeoutMs: deadlineMs - clock.now() });
      } catch (cause) {
        const error = ServingError.from(cause);
        const failed = { error, attempts, leftMs: deadlineMs - clock.now(), random: random() };
        const waitMs = isRepeatable ? backoffMs(retry, failed) : undefined;
        if (waitMs === undefined || signal?.aborted) throw error;
        await pause(clock, waitMs, [signal, this.#cut]);
        if (signal?.aborted || this.#cut.aborted) throw error;
      }
    }
  }
}

interface Terms {
  readonly signal: CancelSignal | undefined;
  readonly deadlineMs: number | undefined;
  readonly isRepeatable: boolean;
}

/** Milliseconds of a clock, or until one of the signals says that nobody waits any more. Node ends no process meanwhile. */
export function pause(
  clock: Clock,
  timeMs: number,
  signals: readonly (CancelSignal | undefined)[],
): Promise<void> {
  return new Promise((resolve) => {
    const letEnd = keepProcessAlive();
    const end = () => {
      letEnd();
      cancel();
      for (const signal of signals) signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(timeMs, end);
    for (const signal of signals) signal?.addEventListener('abort', end);
  });
}
