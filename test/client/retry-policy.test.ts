import { ServingError, type StatusCode } from 'servable/client';
import { describe, expect, it } from 'vitest';
import { backoffMs, resolveRetry } from '#dist/client/retry-policy.js';

const policy = resolveRetry({ maxAttempts: 4, initialBackoffMs: 100, maxBackoffMs: 350 });
const failed = (more: object = {}) => ({
  error: new ServingError('UNAVAILABLE', 'away'),
  attempts: 1,
  leftMs: Number.POSITIVE_INFINITY,
  random: 1,
  ...more,
});

describe('a call that failed', () => {
  it.each<[string, object, number | undefined]>([
    ['is made again after the first wait', {}, 100],
    ['waits twice as long the second time', { attempts: 2 }, 200],
    ['waits no longer than the longest', { attempts: 3 }, 350],
    ['is given up after its last attempt', { attempts: 4 }, undefined],
    ['waits for a share that chance chooses', { random: 0.25 }, 25],
    ['may be made again at once', { random: 0 }, 0],
    ['is given up where its time would be over before', { leftMs: 100 }, undefined],
    ['is made again where there is time left', { leftMs: 101 }, 100],
    [
      'is given up where its message is too large, every time',
      { error: new ServingError('RESOURCE_EXHAUSTED', 'big', { reason: 'message_too_large' }) },
      undefined,
    ],
  ])('%s', (_what, more, expected) => {
    expect(backoffMs(policy, failed(more))).toBe(expected);
  });

  it.each<[StatusCode, boolean]>([
    ['UNAVAILABLE', true],
    ['RESOURCE_EXHAUSTED', true],
    ['ABORTED', true],
    ['INVALID_ARGUMENT', false],
    ['NOT_FOUND', false],
    ['DEADLINE_EXCEEDED', false],
    ['CANCELLED', false],
    ['INTERNAL', false],
    ['DATA_LOSS', false],
    ['FAILED_PRECONDITION', false],
  ])('with %s is made again: %s', (code, isRepeated) => {
    const error = new ServingError(code, 'why');
    expect(backoffMs(policy, failed({ error })) !== undefined).toBe(isRepeated);
  });

  it('leaves to chance what jitter says', () => {
    const half = resolveRetry({ jitter: 0.5 });
    expect(backoffMs(half, failed({ random: 0 }))).toBe(50);
    expect(backoffMs(resolveRetry({ jitter: 0 }), failed({ random: 0.1 }))).toBe(100);
  });

  it('is made once where there are no retries', () => {
    expect(backoffMs(resolveRetry(false), failed())).toBeUndefined();
  });
});
