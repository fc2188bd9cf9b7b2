import type { Clock } from '../core/clock.js';
import { ServingError, type StatusCode } from '../core/errors.js';
import type { ModelSpec } from '../core/model-spec.js';
import { withPatience } from '../core/patience.js';
import { pause } from './calls.js';
import type { Attempt, Question, Wire } from './wire.js';

/** What a server says that is not ready yet, or that is not there yet. */
const notYet: readonly StatusCode[] = [
  'UNAVAILABLE',
  'RESOURCE_EXHAUSTED',
  'ABORTED',
  'NOT_FOUND',
  'DEADLINE_EXCEEDED',
];

/**
 * Whether a request with this spec would be answered now; without one, whether the server takes requests at all.
 *
 * A server that tells its own health is believed. Of others, a model is ready when one of its versions is AVAILABLE, a label
 * when there are metadata for it, and the server when it answers: TensorFlow Serving opens its ports when its models are there.
 */
export function readinessOf(wire: Wire, spec: ModelSpec | undefined): Question<boolean> {
  return async (attempt) => {
    try {
      return await look(wire, spec, attempt);
    } catch (error) {
      if (isNotYet(error, spec)) return false;
      throw error;
    }
  };
}

async function look(wire: Wire, spec: ModelSpec | undefined, attempt: Attempt): Promise<boolean> {
  if (spec === undefined) return (await wire.health(undefined)(attempt)) ?? true;
  if (spec.label !== undefined) {
    await wire.metadata(spec)(attempt);
    return true;
  }
  const { version } = spec;
  const health = version === undefined ? await wire.health(spec.model)(attempt) : undefined;
  if (health !== undefined) return health;
  const versions = await wire.status(spec)(attempt);
  return versions.some(({ id, state }) => state === 'AVAILABLE' && (version ?? id.version) === id.version);
}

/** A label that is not there yet is INVALID_ARGUMENT, as one that is misspelt. */
function isNotYet(error: unknown, spec?: ModelSpec): boolean {
  const { code } = ServingError.from(error);
  return notYet.includes(code) || (code === 'INVALID_ARGUMENT' && spec?.label !== undefined);
}

export interface Waiting {
  readonly clock: Clock;
  /** Milliseconds from one look to the next. */
  readonly pollIntervalMs: number;
}

/** Milliseconds that one look may take: a server that is starting may take connections, and say nothing. */
const lookTimeoutMs = 5000;

/** Asks again and again, until the answer is yes; what does not pass by itself is thrown. */
export function untilReady(ask: Question<boolean>, { clock, pollIntervalMs }: Waiting): Question<void> {
  return async ({ signal, timeoutMs }) => {
    const look = () => {
      const withinMs = Math.min(lookTimeoutMs, timeoutMs);
      return withPatience(clock, { timeoutMs: withinMs, ...(signal && { signal }) }, (child) =>
        ask({ signal: child, timeoutMs: withinMs }),
      );
    };
    while (!signal?.aborted) {
      try {
        if (await look()) return;
      } catch (error) {
        if (!isNotYet(error)) throw error;
      }
      await pause(clock, pollIntervalMs, [signal]);
    }
  };
}
