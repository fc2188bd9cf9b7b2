import { defaultMaxListeners, getMaxListeners, setMaxListeners } from 'node:events';
import { Cancellation, type CancelSignal } from './cancellation.js';
import type { Clock } from './clock.js';
import { cancelled, ServingError } from './errors.js';
import { assertTimeout } from './option-check.js';
import type { WireRecord } from './request-records.js';

/** How long a caller will wait, and what makes it stop waiting. */
export interface Patience {
  /** Milliseconds, more than 0. @default infinity */
  readonly timeoutMs?: number;
  /** An `AbortSignal`, or what has its ways. */
  readonly signal?: CancelSignal;
  /**
   * @internal The same as `signal`, from a caller who has made it for this one request: then it is aborted when the time is
   * over, too, and no signal of our own is needed.
   */
  readonly controller?: Cancellation | undefined;
  /** @internal What the request came by. */
  readonly wire?: WireRecord | undefined;
}

/**
 * Does `work` for as long as the caller has patience; it is told when that ends, on the clock, at the latest. When it
 * ends, the signal that `work` was given is aborted, and the caller gets its answer at once; `work` itself may take
 * longer to end.
 *
 * @throws ServingError DEADLINE_EXCEEDED after `timeoutMs`; CANCELLED when `signal` is aborted, with its reason as
 *   cause; INVALID_ARGUMENT for a timeout that is none; whatever `work` rejects with.
 */
export async function withPatience<T>(
  clock: Clock,
  patience: Patience,
  work: (signal: CancelSignal | undefined, deadlineMs: number | undefined) => Promise<T>,
): Promise<T> {
  const { signal, timeoutMs = Number.POSITIVE_INFINITY } = patience;
  assertTimeout(timeoutMs);
  if (signal?.aborted) throw cancelled(signal);
  if (signal === undefined && timeoutMs === Number.POSITIVE_INFINITY) {
    return await work(undefined, undefined); // awaited: a promise that is passed on costs two turns more
  }
  return await raceAgainst(clock, timeoutMs, patience, work);
}

async function raceAgainst<T>(
  clock: Clock,
  timeoutMs: number,
  { signal, controller }: Patience,
  work: (signal: CancelSignal | undefined, deadlineMs: number | undefined) => Promise<T>,
): Promise<T> {
  const isTimed = timeoutMs !== Number.POSITIVE_INFINITY;
  // Both ends in one signal. Without a deadline the caller's own will do.
  const child = controller ?? (isTimed ? new Cancellation() : undefined);
  let endWait!: (error: ServingError) => void;
  const giveUp = (error: ServingError) => {
    endWait(error); // first: what the abort makes `work` reject with must not win
    child?.abort(error);
  };
  const onAbort = () => giveUp(cancelled(signal));
  const onTimeout = () =>
    giveUp(
      new ServingError('DEADLINE_EXCEEDED', `The request took longer than its timeout of ${timeoutMs} ms`),
    );
  if (signal !== undefined && controller === undefined) letManyListen(signal);
  signal?.addEventListener('abort', onAbort);
  const cancelTimeout = isTimed ? clock.schedule(timeoutMs, onTimeout) : undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      endWait = reject;
      // A rejection that comes too late is heard here, and has no effect.
      work(child ?? signal, isTimed ? clock.now() + timeoutMs : undefined).then(resolve, reject);
    });
  } finally {
    signal?.removeEventListener('abort', onAbort);
    cancelTimeout?.();
  }
}

/**
 * Many requests may share one signal of their caller's: that is no leak, and Node is not to warn of one. A limit that the
 * caller has set stays.
 */
function letManyListen(signal: CancelSignal): void {
  if (!(signal instanceof EventTarget)) return;
  try {
    if (getMaxListeners(signal) === defaultMaxListeners) setMaxListeners(0, signal);
  } catch {
    // A signal of another realm, or of a host's own making: whoever made it knows its limits.
  }
}
