/** The longest delay that a timer takes: 2^31 - 1 ms, 25 days. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Keeps the process alive until what it returns is called. For whoever awaits what nothing else that is alive will bring
 * about: Node ends a process when only a promise is left.
 */
export function keepProcessAlive(): () => void {
  const timer = setInterval(() => {}, maxTimerMs);
  return () => clearInterval(timer);
}
