import { type Clock, systemClock } from '../../core/clock.js';
import { ClockTimer } from './clock-timer.js';
import type { DeadlineTimer } from './deadline-timer.js';
import { ThreadTimer } from './thread-timer.js';

/**
 * A timer on this clock: one of some tens of microseconds for the system's clock, and what the clock itself offers for
 * any other.
 *
 * @param onDue is called once for a moment that was set, in a turn of the event loop of its own, when it is there; it may
 *   be called a little too early, but not for a moment that was cleared or replaced.
 */
export function createDeadlineTimer(clock: Clock, onDue: () => void): DeadlineTimer {
  return clock === systemClock ? new ThreadTimer(onDue) : new ClockTimer(clock, onDue);
}
