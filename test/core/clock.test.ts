import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '#dist/core/clock.js';

describe('systemClock', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const day = 24 * 60 * 60 * 1000;

  it.each([1, 2, 1000, 24 * day, 60 * day])('calls back once, %d ms from now', (delayMs) => {
    const callback = vi.fn();
    systemClock.schedule(delayMs, callback);
    vi.advanceTimersByTime(delayMs - 1);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    vi.advanceTimersByTime(100 * day);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('does not call back when it is cancelled, however late', () => {
    const callback = vi.fn();
    const cancel = systemClock.schedule(60 * day, callback);
    vi.advanceTimersByTime(59 * day);
    cancel();
    vi.advanceTimersByTime(100 * day);
    expect(callback).not.toHaveBeenCalled();
  });
});
