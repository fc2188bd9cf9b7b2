/** Who is told when nobody waits for a result any more. */
export type CancelListener = (() => void) | { handleEvent(): void };

/**
 * Tells work that nobody waits for its result any more. An `AbortSignal` is one; for what takes nothing else there is
 * {@link toAbortSignal}.
 */
export interface CancelSignal {
  /** True from the moment on that nobody waits any more. */
  readonly aborted: boolean;
  /** What it was aborted with. */
  readonly reason: unknown;
  /** Tells the listener once, when it is aborted; not at all where it is aborted already. */
  addEventListener(type: 'abort', listener: CancelListener): void;
  /** Has no effect for a listener that is not there. */
  removeEventListener(type: 'abort', listener: CancelListener): void;
}

/**
 * @internal A signal, and what aborts it. An `AbortController` and its signal take 10 µs of a request: they outlive it, since
 * Node watches them being collected, and keep what they hold alive.
 *
 * As of an `EventTarget`, a listener that is taken away while others are told is not told, and what one throws is an uncaught
 * exception.
 */
export class Cancellation implements CancelSignal {
  #isAborted = false;
  #reason: unknown;
  readonly #listeners: CancelListener[] = [];

  get aborted(): boolean {
    return this.#isAborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  addEventListener(_type: 'abort', listener: CancelListener): void {
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: CancelListener): void {
    const place = this.#listeners.indexOf(listener);
    if (place >= 0) this.#listeners.splice(place, 1);
  }

  /** Once: the first reason stands. */
  abort(reason?: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason ?? new DOMException('This operation was aborted', 'AbortError');
    for (let listener = this.#listeners.shift(); listener !== undefined; listener = this.#listeners.shift()) {
      tell(listener);
    }
  }
}

function tell(listener: CancelListener): void {
  try {
    if (typeof listener === 'function') listener();
    else listener.handleEvent();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** The same as an `AbortSignal`: for `fetch`, and whatever takes nothing else. */
export function toAbortSignal(signal: CancelSignal): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort);
  return controller.signal;
}
