import { describe, expect, it } from 'vitest';
import type { ServableState } from '#dist/control/servable-state.js';
import {
  nextTransition,
  type TransitionPolicy,
  type VersionSnapshot,
} from '#dist/control/transition-policy.js';

type Wish = 'wanted' | 'unwanted' | 'anew';
type Version = readonly [version: number, state: ServableState, wish: Wish];

function snapshot([version, state, wish]: Version): VersionSnapshot {
  return { version, state, isAspired: wish === 'wanted', isAspiredAnew: wish === 'anew' };
}

function next(policy: TransitionPolicy, versions: readonly Version[]): string {
  const step = nextTransition(policy, versions.map(snapshot));
  return step === undefined ? 'nothing' : `${step.action} ${step.version}`;
}

describe('availability-preserving', () => {
  it.each<[string, string, ...Version[]]>([
    ['nothing', 'there is nothing'],
    ['load 3', 'the highest wanted version comes first', [1, 'START', 'wanted'], [3, 'START', 'wanted']],
    ['load 2', 'another load is no reason to wait', [3, 'LOADING', 'wanted'], [2, 'START', 'wanted']],
    [
      'load 2',
      'the new one comes before the old one goes',
      [1, 'AVAILABLE', 'unwanted'],
      [2, 'START', 'wanted'],
    ],
    [
      'nothing',
      'the old one answers while the new one loads',
      [1, 'AVAILABLE', 'unwanted'],
      [2, 'LOADING', 'wanted'],
    ],
    [
      'nothing',
      'the old one answers when the new one failed',
      [1, 'AVAILABLE', 'unwanted'],
      [2, 'END', 'wanted'],
    ],
    ['unload 1', 'the new one answers', [1, 'AVAILABLE', 'unwanted'], [2, 'AVAILABLE', 'wanted']],
    [
      'unload 2',
      'a lower one answers that is wanted',
      [1, 'AVAILABLE', 'wanted'],
      [2, 'AVAILABLE', 'unwanted'],
    ],
    ['unload 1', 'nothing is wanted', [1, 'AVAILABLE', 'unwanted']],
    [
      'unload 1',
      'one of two is enough to answer',
      [1, 'AVAILABLE', 'unwanted'],
      [2, 'AVAILABLE', 'unwanted'],
      [3, 'LOADING', 'wanted'],
    ],
    [
      'unload 1',
      'it makes room before it loads',
      [1, 'AVAILABLE', 'unwanted'],
      [2, 'AVAILABLE', 'wanted'],
      [3, 'START', 'wanted'],
    ],
    ['nothing', 'what drains needs no other step', [1, 'DRAINING', 'unwanted'], [2, 'AVAILABLE', 'wanted']],
    ['nothing', 'a failed version is not loaded again', [1, 'END', 'wanted']],
    [
      'unload 1',
      'it holds up the only one that is wanted: itself, in another place',
      [1, 'AVAILABLE', 'anew'],
    ],
    ['unload 1', 'of two to be loaded anew one goes', [1, 'AVAILABLE', 'anew'], [2, 'AVAILABLE', 'anew']],
    [
      'nothing',
      'of two to be loaded anew the other one stays',
      [1, 'DRAINING', 'anew'],
      [2, 'AVAILABLE', 'anew'],
    ],
    [
      'unload 2',
      'it makes way for its successor, a lower one answers',
      [1, 'AVAILABLE', 'unwanted'],
      [2, 'AVAILABLE', 'anew'],
    ],
    [
      'nothing',
      'it answers until one that was wanted again has come back',
      [1, 'DRAINING', 'anew'],
      [2, 'AVAILABLE', 'unwanted'],
    ],
    ['nothing', 'it answers until another one has come', [1, 'AVAILABLE', 'anew'], [2, 'LOADING', 'wanted']],
    [
      'unload 1',
      'the other one failed, so its own successor must come',
      [1, 'AVAILABLE', 'anew'],
      [2, 'END', 'wanted'],
    ],
  ])('%s: %s', (step, _reason, ...versions) => {
    expect(next('availability-preserving', versions)).toBe(step);
  });
});

describe('resource-preserving', () => {
  it.each<[string, string, ...Version[]]>([
    ['nothing', 'there is nothing'],
    ['load 3', 'the highest wanted version comes first', [1, 'START', 'wanted'], [3, 'START', 'wanted']],
    [
      'unload 1',
      'the old one goes before the new one comes',
      [1, 'AVAILABLE', 'unwanted'],
      [2, 'START', 'wanted'],
    ],
    ['unload 1', 'the lowest goes first', [2, 'AVAILABLE', 'unwanted'], [1, 'AVAILABLE', 'unwanted']],
    ['nothing', 'what drains holds memory', [1, 'DRAINING', 'unwanted'], [2, 'START', 'wanted']],
    ['nothing', 'what unloads holds memory', [1, 'UNLOADING', 'unwanted'], [2, 'START', 'wanted']],
    ['nothing', 'what is cancelled may hold memory', [1, 'LOADING', 'unwanted'], [2, 'START', 'wanted']],
    ['load 2', 'what has ended holds none', [1, 'END', 'unwanted'], [2, 'START', 'wanted']],
    ['load 2', 'what stays is no reason to wait', [1, 'AVAILABLE', 'wanted'], [2, 'START', 'wanted']],
    ['unload 1', 'it is wanted in another place', [1, 'AVAILABLE', 'anew'], [2, 'START', 'wanted']],
  ])('%s: %s', (step, _reason, ...versions) => {
    expect(next('resource-preserving', versions)).toBe(step);
  });
});
