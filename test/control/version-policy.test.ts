import { describe, expect, it } from 'vitest';
import { chooseVersions, type VersionPolicy } from '#dist/control/version-policy.js';

const versions = ['8', '3', '21', 'notes.txt'];

describe('chooseVersions', () => {
  it.each<[string, readonly string[], VersionPolicy, readonly string[]]>([
    ['the highest one by number, not by letters', ['9', '10'], { latest: 1 }, ['10']],
    ['the highest few, highest first', versions, { latest: 2 }, ['21', '8']],
    ['1 where 0 are asked for, as TF Serving', versions, { latest: 0 }, ['21']],
    ['all where there are fewer than asked for', versions, { latest: 9 }, ['21', '8', '3']],
    ['all, highest first', versions, 'all', ['21', '8', '3']],
    ['the named ones, highest first whatever their order', versions, { specific: [3, 21] }, ['21', '3']],
    ['a version once, however often it is named', versions, { specific: [3, 3] }, ['3']],
    ['none where none is named', versions, { specific: [] }, []],
    ['none where only others are there', versions, { specific: [4] }, []],
    ['none where there is none', ['a'], 'all', []],
    ['0, which is a version', ['0'], { latest: 1 }, ['0']],
    ['the largest number that is exact', ['9007199254740991'], 'all', ['9007199254740991']],
    ['a number with leading zeros under its own name', ['00042'], 'all', ['00042']],
    ['the shortest of several names for one version', ['001', '1', '01'], 'all', ['1']],
    ['nothing beyond 2^53 - 1, which JavaScript cannot tell apart', ['9007199254740992'], 'all', []],
    ['no sign', ['-1', '+2'], 'all', []],
    ['no fraction, exponent, other base or blank', ['1.0', '1e3', '0x1', ' 1', '1 ', ''], 'all', []],
    ['no digits of other scripts', ['٣'], 'all', []],
    ['no number with a suffix', ['5.denied', '7-old'], 'all', []],
  ])('chooses %s', (_reason, names, policy, aspired) => {
    expect(chooseVersions(names, policy).aspired.map(({ name }) => name)).toEqual(aspired);
  });

  it.each<[string, readonly string[], boolean]>([
    ['there are some, wanted or not', ['3'], true],
    ['there is none', ['readme'], false],
  ])('says whether there are versions at all: %s', (_reason, names, hasVersions) => {
    expect(chooseVersions(names, { specific: [9] }).found.length > 0).toBe(hasVersions);
  });

  it('names each version that is asked for and absent, once', () => {
    expect(chooseVersions(versions, { specific: [5, 3, 4, 5] }).missing).toEqual([5, 4]);
    expect(chooseVersions(versions, 'all').missing).toEqual([]);
  });

  it('names the directories that repeat a version', () => {
    const { aspired, duplicates } = chooseVersions(['01', '2', '1', '001'], 'all');
    expect(aspired).toEqual([
      { version: 2, name: '2' },
      { version: 1, name: '1' },
    ]);
    expect(duplicates).toEqual(['01', '001']);
  });
});
