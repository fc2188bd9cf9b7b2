import { describe, expect, it } from 'vitest';
import { explain, type VersionFacts } from '#dist/control/explain.js';
import type { ServableState } from '#dist/control/servable-state.js';
import { ServingError } from '#dist/core/errors.js';

const id = { model: 'digits', version: 7 };
const model = { basePath: '/models/digits', versionPolicy: { latest: 1 } };
const error = new ServingError('UNAVAILABLE', 'The load thread died');
const found = { versions: [9, 7], aspired: [9] };
const inState = (state: ServableState) => ({ id, state });

describe('explain', () => {
  it.each<[Partial<VersionFacts>, string]>([
    [{}, 'is not served: no model digits is configured'],
    [{ model }, 'is not served yet: nobody has looked into /models/digits so far'],
    [{ model, sourceError: error }, 'is not served: The load thread died'],
    [
      { model, found: { versions: [], aspired: [] } },
      'is not served: there is no such version in /models/digits, but none',
    ],
    [
      { model, found: { versions: [9, 8], aspired: [9] } },
      'is not served: there is no such version in /models/digits, but 9, 8',
    ],
    [{ model, found }, 'is not served: its version policy {"latest":1} chooses 9 of 9, 7'],
    [
      { model, found, status: inState('END') },
      'is not served: its version policy {"latest":1} chooses 9 of 9, 7',
    ],
    [{ model, found: { versions: [7], aspired: [7] } }, 'is wanted, and will be loaded'],
    [{ model, status: inState('START') }, 'is wanted, and waits for its turn to be loaded'],
    [{ model, status: inState('LOADING') }, 'is being loaded, or waits for a load thread'],
    [
      { model, status: { ...inState('LOADING'), retry: { failures: 2, error, nextAttemptMs: 1 } } },
      'could not be loaded so far (2 attempts) and is tried again: The load thread died',
    ],
    [{ model, status: inState('AVAILABLE') }, 'is serving'],
    [{ model, status: { ...inState('AVAILABLE'), warning: error } }, 'is serving, but: The load thread died'],
    [{ model, status: inState('DRAINING') }, 'is no longer wanted, and ends the requests that it has'],
    [{ model, status: inState('UNLOADING') }, 'is no longer wanted, and gives its memory back'],
    [
      { model, found, status: { ...inState('END'), error } },
      'could not be loaded, and is tried again when its files change: The load thread died',
    ],
  ])('%j: %s', (facts, reason) => {
    expect(explain({ id, history: [], ...facts }).reason).toBe(`digits@7 ${reason}`);
  });

  it('says what went wrong last, and what happened before', () => {
    const history = [{ state: 'END' as const, atMs: 1000, error }];
    expect(explain({ id, model, history, status: { ...inState('END'), error } })).toMatchObject({
      isServing: false,
      error,
      history,
    });
    expect(explain({ id, model, history: [], status: inState('AVAILABLE') })).not.toHaveProperty('error');
  });
});
