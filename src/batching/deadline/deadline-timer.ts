import type { Clock } from '../../core/clock.js';
export interface DeadlineTimer {
  set(deadlineMs: number): void;
  clear(): void;
  close(): Promise<void>;
}
export function createDeadlineTimer(clock: Clock, onDue: () => void): DeadlineTimer {
  let cancel: (() => void) | undefined;
  return {
    set(ms) {
      cancel?.();
      cancel = clock.schedule(ms - clock.now(), () => {
        cancel = undefined;
        onDue();
      });
    },
    clear() {
      cancel?.();
      cancel = undefined;
    },
    async close() {
      cancel?.();
    },
  };
}
