import { describe, expect, it } from 'vitest';
import { type LabelMove, VersionLabels } from '#dist/routing/labels.js';
import { Resolver } from '#dist/routing/resolver.js';
import { caught } from '../support/caught.js';

function arrange(...first: number[]) {
  let available: readonly number[] | undefined = first;
  const moves: LabelMove[] = [];
  const labels = new VersionLabels({ available: () => available }, (move) => moves.push(move));
  return {
    labels,
    /** What has moved since it was last asked: `stable 1→2`. */
    moves: () => moves.splice(0).map(({ label, from = '-', to = '-' }) => `${label} ${from}→${to}`),
    /** What is available from now on. */
    change: (...versions: number[]) => {
      available = versions;
      labels.refresh('m');
    },
    current: (label: string) => labels.resolve('m', label).current,
  };
}

describe('VersionLabels', () => {
  it('points to an available version at once, and several labels to one', () => {
    const { labels, moves } = arrange(2, 1);
    labels.set('m', { stable: 1, oldest: 1, canary: 2 });
    expect(labels.list('m')).toEqual([
      { label: 'canary', version: 2, current: 2 },
      { label: 'oldest', version: 1, current: 1 },
      { label: 'stable', version: 1, current: 1 },
    ]);
    expect(moves()).toEqual(['stable -→1', 'oldest -→1', 'canary -→2']);
  });

  it('waits where it was until its version is available, and then moves in one step', () => {
    const { labels, moves, current, change } = arrange(1);
    labels.set('m', { stable: 1 });
    moves();
    labels.set('m', { stable: 2 });
    expect([current('stable'), moves()]).toEqual([1, []]);
    change(2, 1);
    expect([current('stable'), moves()]).toEqual([2, ['stable 1→2']]);
    change(2);
    expect([current('stable'), moves()]).toEqual([2, []]);
  });

  it('points to nothing while neither its version nor the one before is available', () => {
    const { labels, moves, current, change } = arrange();
    labels.set('m', { stable: 1 });
    expect(labels.list('m')).toEqual([{ label: 'stable', version: 1 }]);
    change(1);
    change();
    expect([current('stable'), moves()]).toEqual([undefined, ['stable -→1', 'stable 1→-']]);
  });

  it('does not go back to the version before where its own one goes', () => {
    const { labels, current, change } = arrange(2, 1);
    labels.set('m', { stable: 1 });
    labels.set('m', { stable: 2 });
    change(1);
    expect(current('stable')).toBeUndefined();
  });

  it('is gone at once where it is left out', () => {
    const { labels, moves } = arrange(1);
    labels.set('m', { stable: 1, canary: 1 });
    moves();
    labels.set('m', { stable: 1 });
    expect(moves()).toEqual(['canary 1→-']);
    labels.set('m', {});
    expect([moves(), labels.list('m')]).toEqual([['stable 1→-'], []]);
  });

  it.each(['__proto__', 'constructor', 'toString'])('does not mistake %s for a label', (label) => {
    const { labels } = arrange(1);
    labels.set('m', { stable: 1 });
    expect(caught(() => labels.resolve('m', label))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Unrecognized servable version label: ${label}`,
    });
  });
});

describe('a request by label', () => {
  const directory = { available: () => [1], acquire: () => undefined, reason: () => undefined };
  const labels = new VersionLabels(directory);
  labels.set('m', { stable: 1, canary: 2 });
  const resolver = new Resolver(directory, labels);

  it('is answered by the version that the label points to', () => {
    expect(resolver.resolve({ model: 'm', label: 'stable' })).toEqual({ model: 'm', version: 1 });
  });

  it('finds nothing, in the words for its version, while the label waits', () => {
    expect(caught(() => resolver.resolve({ model: 'm', label: 'canary' }))).toMatchObject({
      code: 'NOT_FOUND',
      message: 'Servable not found for request: Specific(m, 2)',
    });
  });

  it.each([
    ['a label that the model does not have', resolver, 'm', 'no'],
    ['a model that does not exist', resolver, 'no', 'stable'],
    ['a resolver without labels', new Resolver(directory), 'm', 'stable'],
  ])('is refused for %s', (_what, from, model, label) => {
    expect(caught(() => from.resolve({ model, label }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Unrecognized servable version label: ${label}`,
    });
  });
});
