import { onTestFinished } from 'vitest';
import { allTurns } from './turns.js';

/** Collects, until the test is finished, what nobody caught; the test runner would take it for a failure. */
export function collectUncaught(): { uncaught(): Promise<readonly unknown[]> } {
  const errors: unknown[] = [];
  const collect = (error: unknown) => void errors.push(error);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    const others = process.listeners(event as 'uncaughtException');
    process.removeAllListeners(event);
    process.on(event, collect);
    onTestFinished(() => {
      process.off(event, collect);
      for (const other of others) process.on(event as 'uncaughtException', other);
    });
  }
  return {
    async uncaught() {
      await allTurns();
      return errors;
    },
  };
}
