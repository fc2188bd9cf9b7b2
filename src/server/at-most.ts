import type { Clock } from '../core/clock.js';
import { deferred } from '../core/deferred.js';

/** Resolves when the promise has settled, or when the time is over: for an end that must come, whatever a disk does. */
export async function atMost(clock: Clock, timeMs: number, promise: Promise<unknown>): Promise<void> {
  const late = deferred<void>();
  const cancelTimer = clock.schedule(timeMs, late.resolve);
  try {
    await Promise.race([promise, late.promise]);
  } finally {
    cancelTimer();
  }
}
