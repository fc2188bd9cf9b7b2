import PQueue from 'p-queue';
import type { HarnessContext } from '#dist/control/servable-harness.js';
import type { Loader } from '#dist/core/servable.js';
import { FakeClock } from './fake-clock.js';

/** What the versions of a test share: no retries, no bounds, time that stands still. */
export function harnessContext(loader: Loader, options: Partial<HarnessContext> = {}): HarnessContext {
  return {
    loader,
    retry: { maxNumLoadRetries: 0, loadRetryIntervalMicros: 0 },
    clock: new FakeClock(),
    loads: new PQueue(),
    unloads: new PQueue(),
    unloadGraceMs: Number.POSITIVE_INFINITY,
    ...options,
  };
}
