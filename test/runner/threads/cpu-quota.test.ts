import { describe, expect, it } from 'vitest';
import { usableCpus } from '#dist/runner/threads/cpu-quota.js';

const v2 = '/sys/fs/cgroup';

describe('usableCpus', () => {
  it.each<[string, number, number, Record<string, string>]>([
    ['the processors where there is no control group', 8, 8, {}],
    [
      'the processors where the quota is unlimited',
      8,
      8,
      { '/proc/self/cgroup': '0::/\n', [`${v2}/cpu.max`]: 'max 100000\n' },
    ],
    [
      'the quota where it is less',
      64,
      2,
      { '/proc/self/cgroup': '0::/\n', [`${v2}/cpu.max`]: '200000 100000\n' },
    ],
    [
      'the processors where the quota is more',
      2,
      2,
      { '/proc/self/cgroup': '0::/\n', [`${v2}/cpu.max`]: '800000 100000\n' },
    ],
    [
      'a quota of one and a half as two',
      8,
      2,
      { '/proc/self/cgroup': '0::/\n', [`${v2}/cpu.max`]: '150000 100000\n' },
    ],
    [
      'a quota of a tenth as one',
      8,
      1,
      { '/proc/self/cgroup': '0::/\n', [`${v2}/cpu.max`]: '10000 100000\n' },
    ],
    [
      'the least quota on the way up to the root',
      8,
      1,
      {
        '/proc/self/cgroup': '0::/pods/a\n',
        [`${v2}/pods/a/cpu.max`]: '400000 100000\n',
        [`${v2}/pods/cpu.max`]: '100000 100000\n',
        [`${v2}/cpu.max`]: 'max 100000\n',
      },
    ],
    [
      'the quota of version 1',
      8,
      3,
      {
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '300000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
    ],
    [
      'the processors where version 1 has no quota',
      8,
      8,
      { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' },
    ],
    [
      'the processors where the files make no sense',
      8,
      8,
      { '/proc/self/cgroup': 'nonsense', [`${v2}/cpu.max`]: 'what\n' },
    ],
  ])('is %s', (_, processors, expected, files) => {
    expect(usableCpus(processors, (file) => files[file])).toBe(expected);
  });

  it('is at least one here', () => {
    expect(usableCpus()).toBeGreaterThanOrEqual(1);
  });
});
