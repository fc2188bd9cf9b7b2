import { describe, expect, it } from 'vitest';
import type { StatusCode } from '#dist/core/errors.js';
import { invalidArgument, ServingError } from '#dist/core/errors.js';

describe('ServingError', () => {
  it('carries its facts in fields and keeps the cause', () => {
    const cause = new RangeError('too far');
    const facts = { id: { model: 'digits', version: 7 }, input: 'x', expected: 'a', actual: 'b' };
    const error = new ServingError('NOT_FOUND', 'No such thing', { ...facts, cause });
    expect(error).toMatchObject({
      ...facts,
      name: 'ServingError',
      code: 'NOT_FOUND',
      message: 'No such thing',
    });
    expect(error.cause).toBe(cause);
    expect(error).toBeInstanceOf(Error);
  });

  it('has no cause where none was given', () => {
    expect(Object.hasOwn(invalidArgument('No'), 'cause')).toBe(false);
  });

  it.each<[StatusCode, boolean]>([
    ['UNAVAILABLE', true],
    ['RESOURCE_EXHAUSTED', true],
    ['ABORTED', true],
    ['INVALID_ARGUMENT', false],
    ['DEADLINE_EXCEEDED', false],
    ['INTERNAL', false],
  ])('says of %s whether the same call may succeed later: %s', (code, retryable) => {
    expect(new ServingError(code, 'No').retryable).toBe(retryable);
  });

  it('recognises an error of another copy of the package', async () => {
    // A query makes Node load the module again, as a second installation would.
    const path = import.meta.resolve('#dist/core/errors.js');
    const copy = (await import(`${path}?copy`)) as typeof import('#dist/core/errors.js');
    expect(copy.ServingError).not.toBe(ServingError);
    expect(new copy.ServingError('ABORTED', 'No') instanceof ServingError).toBe(true);
    expect(ServingError.from(new copy.ServingError('ABORTED', 'No')).code).toBe('ABORTED');
  });

  it.each([[new Error('x')], [null], ['ServingError'], [{ code: 'ABORTED' }]])(
    'does not recognise %s',
    (value) => {
      expect(value instanceof ServingError).toBe(false);
    },
  );

  it('wraps what is not one of ours, with it as cause', () => {
    const cause = new TypeError('odd');
    expect(ServingError.from(cause)).toMatchObject({ code: 'INTERNAL', message: 'odd', cause });
    expect(ServingError.from('odd', 'UNAVAILABLE')).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'odd',
      cause: 'odd',
    });
    const own = invalidArgument('No');
    expect(ServingError.from(own)).toBe(own);
  });
});
