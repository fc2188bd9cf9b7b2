import type PQueue from 'p-queue';
import type { Clock } from '../core/clock.js';
import { deferred } from '../core/deferred.js';
import { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import type { Loader, Servable } from '../core/servable.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import { type Trace, traced } from '../core/trace.js';
import type { LoadRecord, LoadReport } from './lifecycle-observer.js';
import type { MemoryBudget, Reservation } from './memory-budget.js';
import { mayPass, type RetryPolicy } from './retry-policy.js';
import type { RetryStatus } from './servable-state.js';
import { unload } from './unload.js';

export interface LoadContext {
  readonly loader: Loader;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  /** Bounds how many attempts are under way. */
  readonly loads: PQueue;
  readonly budget?: MemoryBudget | undefined;
  readonly onLoad?: ((report: LoadReport) => void) | undefined;
  readonly trace?: Trace<LoadRecord> | undefined;
}

/** How the attempts ended; with neither, nobody wants the version any more. */
export interface LoadOutcome {
  readonly servable?: Servable;
  readonly error?: ServingError;
}

/**
 * The attempts to load one version: each in its turn and only if there is room for it, again where that may help, at once
 * when its files are others than those that failed.
 *
 * ```
 *   turn ─► room ─► load ─► servable
 *     ▲       │       │
 *     │       └───────┴─► error ─► may pass? ─► end
 *     └──── wait, or new files ◄─────┘
 * ```
 */
export class LoadAttempts {
  readonly #id: ServableId;
  readonly #path: string;
  readonly #context: LoadContext;
  readonly #onRetry: (retry: RetryStatus) => void;
  readonly #cancel = new AbortController();
  /** What the files look like now, as far as the source has told, and what they looked like when they were read last. */
  #revision: string | undefined;
  #readRevision: string | undefined;
  /** Set while an attempt waits for its turn: takes it out of the queue. */
  #leaveQueue: (() => void) | undefined;
  /** Set while it waits between two attempts. */
  #endWait: (() => void) | undefined;
  /** Held while an attempt is under way, and from the good one on until `release`. */
  #reservation: Reservation | undefined;
  #lacksRoom = false;

  /** @param onRetry is told when an attempt has failed and another one is to come. */
  constructor(
    id: ServableId,
    { path, revision }: { readonly path: string; readonly revision?: string },
    context: LoadContext,
    onRetry: (retry: RetryStatus) => void,
  ) {
    this.#id = id;
    this.#path = path;
    this.#revision = revision;
    this.#context = context;
    this.#onRetry = onRetry;
  }

  /** Between two attempts. */
  get isWaiting(): boolean {
    return this.#endWait !== undefined;
  }

  /** Whether the last attempt failed because the memory budget had no room for it. */
  get lacksRoom(): boolean {
    return this.#lacksRoom;
  }

  /** Whether the files are others now than those that were read last. */
  get isOutdated(): boolean {
    return this.#readRevision !== undefined && this.#revision !== this.#readRevision;
  }

  /** Once. Never rejects. */
  async run(): Promise<LoadOutcome> {
    for (let failures = 1; ; failures++) {
      const { servable, error } = await this.#attempt();
      if (this.#isCancelled) return await this.#unloadLate(servable);
      if (servable !== undefined) return { servable };
      if (this.isOutdated) continue; // the files that failed are gone: these are others
      if (error === undefined || !this.#mayTryAgain(error, failures)) return { ...(error && { error }) };
      await this.#waitForNext(error, failures);
      if (this.#isCancelled) return {};
      if (this.isOutdated) failures = 0;
    }
  }

  /** Does not wait for the next attempt any longer, if it does. */
  retryNow(): void {
    this.#endWait?.();
  }

  /** Is told what the files look like now. */
  observe(revision: string | undefined): void {
    if (revision === undefined) return;
    this.#revision = revision;
    if (this.isOutdated) this.retryNow();
  }

  /** Ends the attempt under way, and all others. */
  cancel(): void {
    this.#cancel.abort(new ServingError('CANCELLED', `${formatServableId(this.#id)} is no longer wanted`));
    this.#leaveQueue?.();
    this.retryNow();
  }

  /** Gives the share of the memory budget back: the version is gone. */
  release(): void {
    this.#reservation?.release();
    this.#reservation = undefined;
  }

  async #attempt(): Promise<LoadOutcome> {
    const queued = new AbortController();
    this.#leaveQueue = () => queued.abort();
    const begin = () => {
      this.#leaveQueue = undefined; // what runs is ended by the load's own signal, and is waited for
      return this.#timed(() => this.#loadOnce());
    };
    try {
      const servable = await this.#context.loads.add(begin, { signal: queued.signal });
      return servable ? { servable } : {};
    } catch (error) {
      this.release();
      return { error: ServingError.from(error) };
    }
  }

  async #timed(load: () => Promise<Servable>): Promise<Servable> {
    const { clock, onLoad, trace } = this.#context;
    const record: LoadRecord = { id: this.#id, path: this.#path };
    const startMs = clock.now();
    const report = (error?: ServingError) => {
      const { id, path } = record; // without what a tracer may have put there
      notify(onLoad, { id, path, durationMs: clock.now() - startMs, ...(error && { error }) });
    };
    try {
      const servable = await traced(trace, record, load);
      report();
      return servable;
    } catch (error) {
      report(ServingError.from(error));
      throw error;
    }
  }

  async #loadOnce(): Promise<Servable> {
    const { loader, budget } = this.#context;
    this.#readRevision = this.#revision;
    this.#lacksRoom = false;
    if (budget !== undefined) await this.#reserve(budget);
    const servable = await loader.load(this.#id, this.#path, this.#cancel.signal);
    if (servable.memoryBytes !== undefined) this.#reservation?.settle(servable.memoryBytes);
    return servable;
  }

  async #reserve(budget: MemoryBudget): Promise<void> {
    const bytes = await this.#context.loader.estimate?.(this.#id, this.#path, this.#cancel.signal);
    this.#lacksRoom = true; // until there is
    this.#reservation = budget.reserve(this.#id, bytes ?? 0);
    this.#lacksRoom = false;
  }

  get #isCancelled(): boolean {
    return this.#cancel.signal.aborted;
  }

  #mayTryAgain(error: ServingError, failures: number): boolean {
    return mayPass(error) && failures <= this.#context.retry.maxNumLoadRetries;
  }

  async #waitForNext(error: ServingError, failures: number): Promise<void> {
    const { clock, retry } = this.#context;
    const waitMs = retry.loadRetryIntervalMicros / 1000;
    const { promise, resolve } = deferred<void>();
    const cancelTimer = clock.schedule(waitMs, resolve);
    this.#endWait = resolve;
    this.#onRetry({ failures, error, nextAttemptMs: waitMs });
    await promise;
    this.#endWait = undefined;
    cancelTimer();
  }

  /** It came too late to be wanted. */
  async #unloadLate(servable: Servable | undefined): Promise<LoadOutcome> {
    const error = servable && (await unload(servable));
    return { ...(error && { error }) };
  }
}
