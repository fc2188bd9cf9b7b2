import { toAbortSignal } from 'servable';
import { describe, expect, it } from 'vitest';
import { type CancelListener, Cancellation, type CancelSignal } from '#dist/core/cancellation.js';
import { collectUncaught } from '../support/uncaught.js';

/** Both are to be alike, as far as anybody here looks. */
const makers: readonly [string, () => { signal: CancelSignal; abort: (reason?: unknown) => void }][] = [
  [
    'a Cancellation',
    () => {
      const cancellation = new Cancellation();
      return { signal: cancellation, abort: (reason) => cancellation.abort(reason) };
    },
  ],
  [
    'an AbortSignal',
    () => {
      const controller = new AbortController();
      return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
    },
  ],
];

describe.each(makers)('%s', (_name, make) => {
  it('tells each listener once, in the order of their coming, when it is aborted', () => {
    const { signal, abort } = make();
    const told: string[] = [];
    const listener = () => void told.push('function');
    signal.addEventListener('abort', listener);
    signal.addEventListener('abort', { handleEvent: () => void told.push('object') });
    signal.addEventListener('abort', listener);
    expect([signal.aborted, signal.reason]).toEqual([false, undefined]);
    abort('why');
    abort('again');
    expect(told).toEqual(['function', 'object']);
    expect([signal.aborted, signal.reason]).toEqual([true, 'why']);
    signal.addEventListener('abort', listener);
    expect(told).toHaveLength(2);
  });

  it('is aborted with an AbortError where no reason is given', () => {
    const { signal, abort } = make();
    abort();
    expect(signal.reason).toMatchObject({ name: 'AbortError', message: 'This operation was aborted' });
  });

  it('does not tell who has left, even while others are told', () => {
    const { signal, abort } = make();
    const told: string[] = [];
    const last: CancelListener = () => void told.push('last');
    const gone: CancelListener = () => void told.push('gone');
    signal.addEventListener('abort', () => {
      told.push('first');
      signal.removeEventListener('abort', last);
    });
    signal.addEventListener('abort', last);
    signal.addEventListener('abort', gone);
    signal.removeEventListener('abort', gone);
    signal.removeEventListener('abort', gone);
    abort();
    expect(told).toEqual(['first']);
  });

  it('tells the others where one throws, which is an uncaught exception', async () => {
    const { uncaught } = collectUncaught();
    const { signal, abort } = make();
    const told: string[] = [];
    const fault = new Error('a listener’s');
    signal.addEventListener('abort', () => {
      throw fault;
    });
    signal.addEventListener('abort', () => void told.push('other'));
    abort();
    expect(told).toEqual(['other']);
    expect(await uncaught()).toEqual([fault]);
  });

  it('becomes an AbortSignal for those who take nothing else', () => {
    const { signal, abort } = make();
    const before = toAbortSignal(signal);
    expect(before).toBeInstanceOf(AbortSignal);
    expect(before.aborted).toBe(false);
    abort('why');
    const after = toAbortSignal(signal);
    expect([before.reason, after.aborted, after.reason]).toEqual(['why', true, 'why']);
  });
});
