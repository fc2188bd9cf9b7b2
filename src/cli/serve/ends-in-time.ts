import type { Clock } from '../../core/clock.js';

/**
 * Whether something ends in so many milliseconds; resolves then at the latest.
 *
 * @throws what `end` rejects with, where it does in time.
 */
export async function endsInTime(end: Promise<unknown>, limitMs: number, clock: Clock): Promise<boolean> {
  let cancel = () => {};
  const late = new Promise<boolean>((resolve) => {
    cancel = clock.schedule(limitMs, () => resolve(false));
  });
  try {
    return await Promise.race([end.then(() => true), late]);
  } finally {
    cancel();
  }
}
