import { getPriority, setPriority } from 'node:os';

/**
 * A tenth of the weight of a thread of ordinary priority: under full load, requests come first and a load still gets ahead.
 * Where CPUs are idle, it makes no difference.
 */
const niceness = 10;

/**
 * Lets the calling thread give way to all others. On Linux alone, where a priority is a thread's; elsewhere it is the whole
 * process's, which is the host's. For good: a process that is not privileged cannot raise a priority again.
 */
export function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    if (getPriority() < niceness) setPriority(niceness);
  } catch {
    // Not allowed here: it works all the same.
  }
}
