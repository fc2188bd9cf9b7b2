import { setImmediate } from 'node:timers/promises';

/** Lets everything happen that waits for nothing but its turn. */
export async function allTurns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}
