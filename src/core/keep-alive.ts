import { maxTimerMs } from './clock.js';

/**
 * Keeps the process alive until what it returns is called. For whoever awaits what nothing else that is alive will bring
 * about: Node ends a process when only a promise is left.
 */
export function keepProcessAlive(): () => void {
  const timer = setInterval(() => {}, maxTimerMs);
  return () => clearInterval(timer);
}
