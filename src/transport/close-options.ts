import { assertKeys, assertNumber, assertObject } from '../core/option-check.js';

/** How a listener ends. */
export interface CloseOptions {
  /** Milliseconds that what is under way is given to end in; what is left is cut off. @default 30000 */
  readonly graceMs?: number;
  /**
   * Milliseconds for which more is still taken, while health and readiness say no: load balancers need them to look
   * elsewhere.
   *
   * @default 0
   */
  readonly lameDuckMs?: number;
}

/** @throws ServingError INVALID_ARGUMENT for a time that is none. */
export function resolveCloseOptions(options: CloseOptions): Required<CloseOptions> {
  assertObject(options, 'options');
  assertKeys(options, '', ['graceMs', 'lameDuckMs']);
  const { graceMs = 30_000, lameDuckMs = 0 } = options;
  assertNumber(graceMs, 'graceMs', { min: 0, isInfinityAllowed: true });
  assertNumber(lameDuckMs, 'lameDuckMs', { min: 0 });
  return { graceMs, lameDuckMs };
}
