import type { Clock } from '../core/clock.js';

/**
 * Milliseconds that a connection on which nothing is under way is given to be closed from the other side, too. All is sent
 * then, but an idle client may look only every few seconds (gRPC's C core: 5).
 */
const lingerMs = 500;

/** What is to end. */
export interface Ending {
  readonly clock: Clock;
  /** Milliseconds that what is under way has; infinity for as long as it takes. */
  readonly graceMs: number;
  /** Takes nothing new, and resolves when all connections have ended. */
  readonly end: () => Promise<void>;
  /** Calls back when nothing is under way, now or later. */
  readonly whenIdle: (callback: () => void) => void;
  /** Ends all connections from this side. */
  readonly force: () => void;
}

/** Lets what is under way end, and cuts off what does not in time. */
export async function endInTime({ clock, graceMs, end, whenIdle, force }: Ending): Promise<void> {
  const timers: (() => void)[] = [];
  const forceIn = (timeMs: number) => timers.push(clock.schedule(timeMs, force));
  const ended = end();
  if (graceMs !== Number.POSITIVE_INFINITY) forceIn(graceMs);
  whenIdle(() => forceIn(lingerMs));
  await ended;
  for (const cancel of timers) cancel();
}

/** Milliseconds of a clock. */
export function after(clock: Clock, timeMs: number): Promise<void> {
  return new Promise((resolve) => void clock.schedule(timeMs, resolve));
}
