import { type Clock, systemClock } from '../core/clock.js';
import { deferred } from '../core/deferred.js';
import { ServingError } from '../core/errors.js';
import { keepProcessAlive } from '../core/keep-alive.js';
import { notify } from '../core/notify.js';
import { assertNumber, assertTimeout } from '../core/option-check.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { ServableState, ServableStatus, StateChange } from './servable-state.js';

/** How long ended versions are remembered. */
export interface StateMonitorOptions {
  /**
   * Milliseconds for which a version that has ended without an error is still shown. One that ended with an error is
   * shown until it is no longer wanted, and then for as long. Infinity shows all of them for ever, as TF Serving does.
   *
   * @default 600000: long enough to look after an alert, short enough for a server that lives for months
   */
  readonly endedRetentionMs?: number;
  /** @default the system's */
  readonly clock?: Clock;
  /** @internal Milliseconds since 1970, for the history. @default Date.now */
  readonly unixTime?: () => number;
}

/** What a wait is for: a version, or whichever version of a model comes first. */
export interface WaitTarget {
  /** The name under which the model is served. */
  readonly model: string;
  /** Absent: any version of the model. */
  readonly version?: number;
}

/** How long, and until when, a caller waits. */
export interface WaitOptions {
  /** Aborted: the promise rejects with CANCELLED. */
  readonly signal?: AbortSignal;
  /** Milliseconds, more than 0. @default infinity */
  readonly timeoutMs?: number;
}

/** Changes that are remembered of a version: enough for some loads that failed and were tried again. */
const historyLength = 50;

type Listener = (status: ServableStatus) => void;

interface Remembered {
  readonly status: ServableStatus;
  /** Oldest first. */
  readonly history: readonly StateChange[];
  /** When it ended, or when a failed version was given up; undefined while it is to be shown whatever the time. */
  forgetFrom: number | undefined;
}

/**
 * Remembers where every version stands, tells whoever listens, and lets callers wait for a state.
 *
 * It remembers before it tells: a listener that asks sees what it was told of, or something newer. All listeners hear
 * the same states in the same order, also where one of them causes the next.
 *
 * @example
 * ```ts
 * import { StateMonitor } from 'servable';
 *
 * const monitor = new StateMonitor();
 * monitor.listen(({ id, state }) => console.log(id.version, state)); // 1 LOADING
 * monitor.publish({ id: { model: 'digits', version: 1 }, state: 'LOADING' });
 * console.log(monitor.status('digits').length); // 1
 * ```
 */
export class StateMonitor {
  readonly #clock: Clock;
  readonly #unixTime: () => number;
  readonly #endedRetentionMs: number;
  readonly #models = new Map<string, Map<number, Remembered>>();
  /** Those that are to be forgotten, in the order in which that is due. */
  readonly #fading = new Set<Remembered>();
  readonly #listeners = new Set<Listener>();
  /** Remembered and not told yet; empty but while listeners are being told. */
  readonly #untold: ServableStatus[] = [];
  #isTelling = false;

  /** @throws ServingError INVALID_ARGUMENT for a retention that is none. */
  constructor(options: StateMonitorOptions = {}) {
    const { endedRetentionMs = 600_000, clock = systemClock, unixTime = Date.now } = options;
    assertNumber(endedRetentionMs, 'endedRetentionMs', { min: 0, isInfinityAllowed: true });
    this.#unixTime = unixTime;
    this.#endedRetentionMs = endedRetentionMs;
    this.#clock = clock;
  }

  /** Remembers a state and tells it. */
  publish(status: ServableStatus): void {
    this.#prune();
    const { model, version } = status.id;
    const versions = this.#models.get(model) ?? new Map<number, Remembered>();
    this.#models.set(model, versions);
    const before = versions.get(version);
    if (before !== undefined) this.#fading.delete(before);
    const history = [...(before?.history ?? []), this.#changeTo(status)].slice(-historyLength);
    const remembered: Remembered = { status, history, forgetFrom: undefined };
    versions.set(version, remembered);
    if (status.state === 'END' && status.error === undefined) this.#fade(remembered);
    this.#untold.push(status);
    this.#tell();
  }

  /** Lets the memory of a failed version fade, now that nobody wants the version any more. */
  giveUp({ model, version }: ServableId): void {
    const remembered = this.#models.get(model)?.get(version);
    if (remembered?.status.state === 'END' && remembered.forgetFrom === undefined) this.#fade(remembered);
  }

  /**
   * Calls `listener` with every state from now on, in the same turn of the event loop; returns what ends that. What a
   * listener throws is an uncaught exception, and keeps nobody else from being told.
   */
  listen(listener: Listener): () => void {
    const own: Listener = (status) => listener(status); // the same function may listen twice
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** The versions of a model, or of all models, highest version first; empty for an unknown model. */
  status(model?: string): readonly ServableStatus[] {
    this.#prune();
    const models = model === undefined ? [...this.#models.keys()] : [model];
    return models.flatMap((name) =>
      [...(this.#models.get(name)?.values() ?? [])]
        .map(({ status }) => status)
        .sort((a, b) => b.id.version - a.id.version),
    );
  }

  /** Whether there is anything to be said of a version. */
  remembers({ model, version }: ServableId): boolean {
    this.#prune();
    return this.#models.get(model)?.has(version) ?? false;
  }

  /** The models of which there is anything to be said. */
  get models(): Iterable<string> {
    return this.#models.keys();
  }

  /** What has happened to a version, oldest first: its last 50 changes; empty for one that is unknown or forgotten. */
  history({ model, version }: ServableId): readonly StateChange[] {
    return this.#models.get(model)?.get(version)?.history ?? [];
  }

  /**
   * Waits until a version is in `state`, and returns which one it is; at once where it is already. The version need not
   * be known yet, and one that has ended may come back: a wait that could be in vain needs a timeout.
   *
   * @throws ServingError the version's own error where it failed, or fails, while another state is awaited (a version
   *   must be named for that; the failure of one that was given up since does not count); CANCELLED when the signal is
   *   aborted; DEADLINE_EXCEEDED after `timeoutMs`; INVALID_ARGUMENT for a timeout that is none.
   */
  async waitFor(target: WaitTarget, state: ServableState, options: WaitOptions = {}): Promise<ServableId> {
    const { signal, timeoutMs = Number.POSITIVE_INFINITY } = options;
    assertTimeout(timeoutMs);
    if (signal?.aborted) throw aborted(target, state, signal);
    for (const status of this.status(target.model)) {
      if (status.state !== state && this.#isFading(status.id)) continue;
      const id = judge(status, target, state);
      if (id !== undefined) return id;
    }
    const { promise, resolve, reject } = deferred<ServableId>();
    const stopListening = this.listen((status) => {
      try {
        const id = judge(status, target, state);
        if (id !== undefined) resolve(id);
      } catch (error) {
        reject(error);
      }
    });
    const onAbort = () => reject(aborted(target, state, signal as AbortSignal));
    signal?.addEventListener('abort', onAbort);
    const onTimeout = () => reject(tooLate(target, state, timeoutMs));
    const letProcessEnd = keepProcessAlive(); // whoever waits expects an answer
    const cancelTimeout =
      timeoutMs === Number.POSITIVE_INFINITY ? undefined : this.#clock.schedule(timeoutMs, onTimeout);
    try {
      return await promise;
    } finally {
      letProcessEnd();
      stopListening();
      signal?.removeEventListener('abort', onAbort);
      cancelTimeout?.();
    }
  }

  /** A listener may cause the next state: that one is told when all have heard of this one. */
  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let status = this.#untold.shift(); status !== undefined; status = this.#untold.shift()) {
      for (const listener of [...this.#listeners]) notify(listener, status);
    }
    this.#isTelling = false;
  }

  #changeTo({ state, error, retry, warning }: ServableStatus): StateChange {
    const what = error ?? retry?.error ?? warning;
    return { state, atMs: this.#unixTime(), ...(what && { error: what }) };
  }

  #fade(remembered: Remembered): void {
    remembered.forgetFrom = this.#clock.now();
    this.#fading.add(remembered);
  }

  #isFading({ model, version }: ServableId): boolean {
    return this.#models.get(model)?.get(version)?.forgetFrom !== undefined;
  }

  #prune(): void {
    const oldest = this.#clock.now() - this.#endedRetentionMs;
    for (const remembered of this.#fading) {
      const { status, forgetFrom } = remembered;
      if (forgetFrom === undefined || forgetFrom > oldest) return;
      this.#fading.delete(remembered);
      const versions = this.#models.get(status.id.model);
      versions?.delete(status.id.version);
      if (versions?.size === 0) this.#models.delete(status.id.model);
    }
  }
}

/** The id where the status is what is waited for; throws where it is a failure instead. */
function judge(status: ServableStatus, target: WaitTarget, state: ServableState): ServableId | undefined {
  const { id } = status;
  if (id.model !== target.model || (target.version !== undefined && id.version !== target.version))
    return undefined;
  if (status.state === state) return id;
  if (status.error !== undefined && target.version !== undefined) throw status.error;
  return undefined;
}

function aborted(target: WaitTarget, state: ServableState, signal: AbortSignal): ServingError {
  return new ServingError('CANCELLED', `The wait for ${name(target)} to be ${state} was aborted`, {
    cause: signal.reason,
  });
}

function tooLate(target: WaitTarget, state: ServableState, timeoutMs: number): ServingError {
  return new ServingError('DEADLINE_EXCEEDED', `${name(target)} was not ${state} within ${timeoutMs} ms`);
}

function name({ model, version }: WaitTarget): string {
  return version === undefined ? model : formatServableId({ model, version });
}
