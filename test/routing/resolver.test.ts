import { describe, expect, it } from 'vitest';
import type { ModelSpec } from '#dist/core/model-spec.js';
import { Resolver } from '#dist/routing/resolver.js';
import { caught } from '../support/caught.js';

const reason = new Error('Could not find base path /models/empty');
const available: Readonly<Record<string, readonly number[]>> = { digits: [10, 3], empty: [] };
const resolver = new Resolver({
  available: (model) => available[model],
  acquire: () => undefined,
  reason: (model) => (model === 'empty' ? reason : undefined),
});

describe('Resolver', () => {
  it.each<[string, ModelSpec, number]>([
    ['the highest available version where none is named', { model: 'digits' }, 10],
    ['the named version', { model: 'digits', version: 3 }, 3],
  ])('means %s', (_what, spec, version) => {
    expect(resolver.resolve(spec)).toEqual({ model: 'digits', version });
  });

  // The texts are TF Serving's: clients compare them.
  it.each<[string, ModelSpec, string]>([
    ['a model that is not known', { model: 'no' }, 'Latest(no)'],
    ['a version of a model that is not known', { model: 'no', version: 1 }, 'Specific(no, 1)'],
    ['a version that is not available', { model: 'digits', version: 4 }, 'Specific(digits, 4)'],
    ['version 0, which is a version', { model: 'digits', version: 0 }, 'Specific(digits, 0)'],
    ['a model without an available version', { model: 'empty' }, 'Latest(empty)'],
  ])('does not find %s', (_what, spec, wanted) => {
    const error = caught(() => resolver.resolve(spec));
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      message: `Servable not found for request: ${wanted}`,
      ...(spec.version !== undefined && { id: { model: spec.model, version: spec.version } }),
    });
    expect('id' in error).toBe(spec.version !== undefined);
  });

  it('says why, where that is known', () => {
    expect(caught(() => resolver.resolve({ model: 'empty' })).cause).toBe(reason);
    expect('cause' in caught(() => resolver.resolve({ model: 'no' }))).toBe(false);
  });
});
