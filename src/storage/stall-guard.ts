import type { Clock } from '../core/clock.js';
import { deferred } from '../core/deferred.js';

/**
 * The same bytes; where none come for `stallMs`, `stalled` is thrown. Connections may go silent without ever ending, and not
 * every client notices.
 */
export async function* guardAgainstStalls(
  bytes: AsyncIterable<Uint8Array>,
  clock: Clock,
  stallMs: number,
  stalled: () => Error,
): AsyncGenerator<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  let isOver = false;
  try {
    while (true) {
      const late = deferred<never>();
      const cancelTimer = clock.schedule(stallMs, () => late.reject(stalled()));
      const next = await Promise.race([iterator.next(), late.promise]).finally(cancelTimer);
      isOver = next.done === true;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    if (!isOver) void iterator.return?.().catch(() => {}); // not awaited: what is silent may stay so
  }
}
