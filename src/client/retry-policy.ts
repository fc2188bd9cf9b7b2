import { defined } from '../core/defined.js';
import type { ServingError } from '../core/errors.js';
import { assertKeys, assertNumber, assertObject } from '../core/option-check.js';

/** When a call is made again that failed, and after how long. */
export interface RetryOptions {
  /** How often a call is made in all: 1 is once. @default 3 */
  readonly maxAttempts?: number;
  /** Milliseconds that are waited before the second attempt, at most. @default 100 */
  readonly initialBackoffMs?: number;
  /** Milliseconds that are waited before any attempt, at most. @default 5000 */
  readonly maxBackoffMs?: number;
  /** What the wait grows by from one attempt to the next: a factor of at least 1. @default 2 */
  readonly multiplier?: number;
  /**
   * Which share of each wait is left to chance, from 0 to 1: with 1 it is anything between nothing and the whole, so that
   * callers who failed together do not come back together.
   *
   * @default 1
   */
  readonly jitter?: number;
}

/** @internal */
export type RetryPolicy = Required<RetryOptions>;

const defaults: RetryPolicy = {
  maxAttempts: 3,
  initialBackoffMs: 100,
  maxBackoffMs: 5000,
  multiplier: 2,
  jitter: 1,
};

/** @throws ServingError INVALID_ARGUMENT naming the option. */
export function resolveRetry(retry: RetryOptions | false): RetryPolicy {
  if (retry === false) return { ...defaults, maxAttempts: 1 };
  assertObject(retry, 'retry', 'an object or false');
  assertKeys(retry, 'retry', Object.keys(defaults));
  const policy = { ...defaults, ...defined(retry) };
  assertNumber(policy.maxAttempts, 'retry.maxAttempts', { min: 1, isInteger: true });
  assertNumber(policy.initialBackoffMs, 'retry.initialBackoffMs', { min: 0 });
  assertNumber(policy.maxBackoffMs, 'retry.maxBackoffMs', { min: 0 });
  assertNumber(policy.multiplier, 'retry.multiplier', { min: 1 });
  assertNumber(policy.jitter, 'retry.jitter', { min: 0, max: 1 });
  return policy;
}

/** What is known when an attempt has failed. */
export interface FailedAttempt {
  readonly error: ServingError;
  /** How many there have been. */
  readonly attempts: number;
  /** Milliseconds until nobody waits any more; infinity where somebody always does. */
  readonly leftMs: number;
  /** From 0 to 1, by chance. */
  readonly random: number;
}

/** Milliseconds after which a call is made again; undefined where it is not. */
export function backoffMs(policy: RetryPolicy, failed: FailedAttempt): number | undefined {
  const { error, attempts, leftMs, random } = failed;
  if (!error.retryable || error.reason === messageTooLarge || attempts >= policy.maxAttempts)
    return undefined;
  const grown = policy.initialBackoffMs * policy.multiplier ** (attempts - 1);
  const longest = Math.min(grown, policy.maxBackoffMs);
  const waitMs = longest * (1 - policy.jitter + policy.jitter * random);
  return waitMs < leftMs ? waitMs : undefined;
}

/** The `reason` of an error that is RESOURCE_EXHAUSTED, and will be again, however often the same message is sent. */
export const messageTooLarge = 'message_too_large';
