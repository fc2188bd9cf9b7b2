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
 * Whether a request with this spec would be answered now; without one, whether the server takes requests at all. Rejects
 * where the server cannot be asked, or does not know what is asked for.
 *
 * A server that tells its own health is believed. Of others, a model is ready when one of its versions is AVAILABLE, a label
 * when there are metadata for it, and the server when it answers: TensorFlow Serving opens its ports when its models are there.
 */
export function readinessOf(wire: Wire, spec: ModelSpec | undefined): Question<boolean> {
  return (attempt) => look(wire, spec, attempt);
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

/** Whether an error of `readinessOf` passes by itself. A label that is not there yet is refused like one that is misspelt. */
export function isNotYet(error: unknown, spec: ModelSpec | undefined): boolean {
  const { code } = ServingError.from(error);
  return notYet.includes(code) || (code === 'INVALID_ARGUMENT' && spec?.label !== undefined);
}

export interface Wait {
  readonly wire: Wire;
  readonly spec: ModelSpec | undefined;
  readonly clock: Clock;
  /** Milliseconds that it may take; infinity for as long as it takes. */
  readonly timeoutMs: number;
  /** Milliseconds from one look to the next. */
  readonly pollIntervalMs: number;
}

/** Milliseconds that one look may take: a server that is starting may take connections, and say nothing. */
const lookTimeoutMs = 5000;

/** Asks again and again, until the answer is yes, or the time is over; what does not pass by itself is thrown. */
export function untilReady({ wire, spec, clock, timeoutMs, pollIntervalMs }: Wait): Question<void> {
  const ask = readinessOf(wire, spec);
  return async ({ signal }) => {
    const endMs = clock.now() + timeoutMs;
    const lookOnce = (withinMs: number) =>
      withPatience(clock, { timeoutMs: withinMs, ...(signal && { signal }) }, (child) =>
        ask({ signal: child, timeoutMs: withinMs }),
      );
    let last: ServingError | undefined;
    for (let leftMs = timeoutMs; leftMs > 0 && !signal?.aborted; leftMs = endMs - clock.now()) {
      try {
        if (await lookOnce(Math.min(lookTimeoutMs, leftMs))) return;
        last = undefined;
      } catch (error) {
        if (!isNotYet(error, spec)) throw error;
        const { code } = ServingError.from(error);
        const isCutShort = code === 'DEADLINE_EXCEEDED' && leftMs < lookTimeoutMs; // by the wait itself
        if (!isCutShort) last = ServingError.from(error);
      }
      await pause(clock, Math.min(pollIntervalMs, endMs - clock.now()), [signal]);
    }
    throw notReady(spec, timeoutMs, last);
  };
}

function notReady(
  spec: ModelSpec | undefined,
  timeoutMs: number,
  last: ServingError | undefined,
): ServingError {
  const { model, version, label } = spec ?? {};
  const what = model === undefined ? 'The server' : `${model}${version === undefined ? '' : `@${version}`}`;
  const named = label === undefined ? what : `${what} with the label ${label}`;
  const why = last === undefined ? '' : `: ${last.message}`;
  return new ServingError('DEADLINE_EXCEEDED', `${named} was not ready within ${timeoutMs} ms${why}`, {
    ...(last && { cause: last }),
  });
}
