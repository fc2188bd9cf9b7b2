import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

type ReadText = (file: string) => string | undefined;

/**
 * CPUs that this process may use: the processors it may run on, or the CPU quota of its control group where that is
 * less, rounded up. At least 1. Node 20 does not look at the quota: in a container limited to 2 CPUs of a host of 64
 * it reports 64.
 *
 * Source: Linux, Documentation/admin-guide/cgroup-v2.rst (`cpu.max`) and scheduler/sched-bwc.rst
 * (`cpu.cfs_quota_us`).
 */
export function usableCpus(
  processors: number = availableParallelism(),
  readText: ReadText = readIfThere,
): number {
  const quota = Math.min(quotaOfVersion2(readText), quotaOfVersion1(readText));
  return Math.max(1, Math.min(processors, Math.ceil(quota)));
}

/** The least quota from the process's group up to the root, in CPUs. */
function quotaOfVersion2(readText: ReadText): number {
  const group = /^0::(.*)$/m.exec(readText('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  let least = Number.POSITIVE_INFINITY;
  for (let path = group; ; path = dirname(path)) {
    const [quota, period] = (readText(join('/sys/fs/cgroup', path, 'cpu.max')) ?? 'max').trim().split(' ');
    if (quota !== 'max') least = Math.min(least, Number(quota) / Number(period));
    if (path === '/' || path === '.') return Number.isNaN(least) ? Number.POSITIVE_INFINITY : least;
  }
}

function quotaOfVersion1(readText: ReadText): number {
  const quota = Number(readText('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') ?? -1);
  const period = Number(readText('/sys/fs/cgroup/cpu/cpu.cfs_period_us') ?? 0);
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // no such control group, or no Linux
  }
}
