import PQueue from 'p-queue';
import { type Clock, systemClock } from '../core/clock.js';
import { deferred } from '../core/deferred.js';
import type { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import type { Loader } from '../core/servable.js';
import type { Lease, ServableDirectory } from '../core/servable-directory.js';
import type { ServableId } from '../core/servable-id.js';
import type { Trace } from '../core/trace.js';
import type { LoadRecord, LoadReport } from './lifecycle-observer.js';
import type { LiveVersion } from './live-version.js';
import { graceOver } from './manager-errors.js';
import { MemoryBudget } from './memory-budget.js';
import { ModelVersions } from './model-versions.js';
import { noRetries, type RetryPolicy } from './retry-policy.js';
import type { HarnessContext } from './servable-harness.js';
import type { ServableStatus } from './servable-state.js';
import type { AspiredVersion, SourceListener } from './source.js';
import type { StateMonitor } from './state-monitor.js';
import type { TransitionPolicy } from './transition-policy.js';

/** Something that went wrong in the background: with a model's source, or with one of its versions. */
export interface ManagerFailure {
  /** The model that it concerns. */
  readonly model: string;
  /** Absent where the source failed. */
  readonly id?: ServableId;
  /** What went wrong. */
  readonly error: ServingError;
}

/** What loads versions, how often that is tried, and who is told. */
export interface ServableManagerOptions {
  /** Makes the servables; batching, warm-up and copying are loaders around loaders. */
  readonly loader: Loader;
  /** Is told every state; make it before the manager. */
  readonly monitor: StateMonitor;
  /** @default 'availability-preserving' for every model */
  readonly transitionPolicy?: (model: string) => TransitionPolicy;
  /** Is told each failure once: again only when another one, or a good look, came in between. */
  readonly onFailure?: (failure: ManagerFailure) => void;
  /** How often loads that failed are tried again. @default never; a ModelServer has TF Serving's defaults */
  readonly retry?: Partial<RetryPolicy>;
  /** Loads and unloads under way at a time. @default infinity: as many as the loader takes */
  readonly maxConcurrentLoads?: number;
  /** Unloads under way at a time. @default infinity */
  readonly maxConcurrentUnloads?: number;
  /** Bytes that loaded versions may hold together. @default infinity */
  readonly memoryBudgetBytes?: number;
  /**
   * Milliseconds that requests to a version that is to go are given to end in; they are then failed with UNAVAILABLE.
   *
   * @default 30000; TF Serving waits for ever, and loads nothing meanwhile
   */
  readonly unloadGraceMs?: number;
  /** Is told of every attempt to load a version. */
  readonly onLoad?: (report: LoadReport) => void;
  /** @internal Follows every attempt to load a version. */
  readonly trace?: Trace<LoadRecord> | undefined;
  /** @default the system's */
  readonly clock?: Clock;
}

/** How long requests are given when a manager closes. */
export interface CloseOptions {
  /** Milliseconds that requests are given to end in; they then fail with UNAVAILABLE. Infinity: as many as it takes. */
  readonly graceMs: number;
  /** Called when that time is over and leases are still out. */
  readonly onGraceOver?: (held: readonly ServableId[]) => void;
}

interface Model {
  readonly versions: ModelVersions;
  /** What the source said last, where that was not plainly good. */
  sourceError: ServingError | undefined;
  /** Whether the source could not tell what is wanted. */
  isSourceFailing: boolean;
  /** Whether a version has failed since the source said that. */
  hasFailedSince: boolean;
}

/**
 * Loads and unloads what sources want, and lends what is available.
 *
 * What a source leaves out is unloaded; what it has said last holds until it says something else. Nothing is loaded
 * or unloaded for any other reason. An unload waits for the leases; when its time is over, their requests are failed.
 *
 * @example
 * ```ts
 * import { OnnxLoader, OrtEngine, ServableManager, StateMonitor, StaticSource } from 'servable';
 *
 * const engine = new OrtEngine({ numBatchThreads: 1 });
 * engine.start();
 * const manager = new ServableManager({ loader: new OnnxLoader({ engine }), monitor: new StateMonitor() });
 * const source = new StaticSource({ digits: [{ version: 2, path: 'examples/models/digits/2' }] });
 * await source.start(manager);
 * await manager.settled();
 * console.log(manager.available('digits')); // [ 2 ]
 * await manager.close({ graceMs: 1000 });
 * await engine.close();
 * ```
 */
export class ServableManager implements ServableDirectory, SourceListener {
  readonly #options: ServableManagerOptions;
  readonly #clock: Clock;
  readonly #context: HarnessContext;
  readonly #models = new Map<string, Model>();
  /** Those who wait for a condition; each is asked after every change. */
  readonly #waiters = new Set<() => void>();
  #isClosing = false;
  readonly #closed = deferred<void>();

  constructor(options: ServableManagerOptions) {
    const { loader, retry, clock = systemClock, memoryBudgetBytes, unloadGraceMs = 30_000 } = options;
    const { maxConcurrentLoads = Number.POSITIVE_INFINITY } = options;
    const { maxConcurrentUnloads = Number.POSITIVE_INFINITY } = options;
    this.#options = options;
    this.#clock = clock;
    this.#context = {
      loader,
      retry: { ...noRetries, ...retry },
      clock,
      loads: new PQueue({ concurrency: maxConcurrentLoads }),
      unloads: new PQueue({ concurrency: maxConcurrentUnloads }),
      budget: memoryBudgetBytes === undefined ? undefined : this.#newBudget(memoryBudgetBytes),
      unloadGraceMs,
      onLoad: options.onLoad,
      trace: options.trace,
    };
  }

  /** Bytes that are reserved for loaded versions; 0 without a budget. */
  get memoryBytes(): number {
    return this.#context.budget?.usedBytes ?? 0;
  }

  /** What is loaded, as of now: a version that is being replaced is there twice. */
  get live(): readonly LiveVersion[] {
    return [...this.#models.values()].flatMap(({ versions }) => versions.live);
  }

  available(model: string): readonly number[] | undefined {
    return this.#models.get(model)?.versions.available;
  }

  acquire({ model, version }: ServableId): Lease | undefined {
    return this.#models.get(model)?.versions.acquire(version);
  }

  reason(model: string): ServingError | undefined {
    const known = this.#models.get(model);
    if (known?.hasFailedSince) return known.versions.error ?? known.sourceError;
    return known?.sourceError ?? known?.versions.error;
  }

  /** What is wrong, or odd, about where a model's versions come from, as far as its source has told. */
  sourceError(model: string): ServingError | undefined {
    return this.#models.get(model)?.sourceError;
  }

  /** Whether the source of a model cannot tell what is wanted of it. */
  isSourceFailing(model: string): boolean {
    return this.#models.get(model)?.isSourceFailing ?? false;
  }

  /** Whether a version that is wanted answers, made as it is wanted: not just one that still answers. */
  isServed(model: string): boolean {
    return this.#models.get(model)?.versions.isServed ?? false;
  }

  /** States what is wanted of a model; has no effect once the manager closes. */
  aspire(model: string, versions: readonly AspiredVersion[], warning?: ServingError): void {
    if (this.#isClosing) return;
    const known = this.#know(model);
    known.isSourceFailing = false;
    this.#remember(model, known, warning);
    if (known.versions.aspire(versions)) this.#giveUpUnwanted(model, known.versions);
    this.#changed();
  }

  /** Remembers why a source cannot tell what is wanted; what is served goes on being served. */
  fail(model: string, error: ServingError): void {
    if (this.#isClosing) return;
    const known = this.#know(model);
    known.isSourceFailing = true;
    this.#remember(model, known, error);
    this.#changed();
  }

  /** Resolves when all that is wanted of all models is AVAILABLE or has failed. */
  settled(): Promise<void> {
    return this.#when(() => [...this.#models.values()].every(({ versions }) => versions.isSettled));
  }

  /**
   * Wants nothing of a model any more, and forgets it when all of it has been unloaded. A model that is wanted again
   * meanwhile stays; the promise then resolves at once.
   */
  async remove(model: string): Promise<void> {
    const known = this.#models.get(model);
    if (known === undefined) return;
    known.versions.aspire([]);
    this.#giveUpUnwanted(model, known.versions);
    await this.#when(() => known.versions.isGone || known.versions.isAnyAspired);
    if (this.#models.get(model) === known && !known.versions.isAnyAspired) this.#models.delete(model);
  }

  /**
   * Unloads everything, and resolves when it is gone; leases that are out are waited for. Once: a second call gets the
   * promise of the first.
   */
  close(options: CloseOptions): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true; // now: who hears of the first version that drains may close too
      this.#close(options).then(this.#closed.resolve, this.#closed.reject);
    }
    return this.#closed.promise;
  }

  async #close({ graceMs, onGraceOver }: CloseOptions): Promise<void> {
    const models = [...this.#models.values()];
    for (const { versions } of models) versions.leave();
    const endGrace = () => {
      const held = models.flatMap(({ versions }) => versions.held);
      if (held.length === 0) return;
      const ids = held.map(({ id }) => id);
      for (const harness of held) harness.abandon(graceOver(ids));
      notify(onGraceOver, ids);
    };
    const cancelGrace =
      graceMs === Number.POSITIVE_INFINITY ? undefined : this.#clock.schedule(graceMs, endGrace);
    await this.#when(() => models.every(({ versions }) => versions.isGone));
    cancelGrace?.();
  }

  #know(model: string): Model {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const versions = this.#newVersions(model);
    const added: Model = {
      versions,
      sourceError: undefined,
      isSourceFailing: false,
      hasFailedSince: false,
    };
    this.#models.set(model, added);
    return added;
  }

  /** Room that somebody gives back is for those that found none. Not now: whoever gives it is in the middle of its step. */
  #newBudget(limitBytes: number): MemoryBudget {
    const retryAll = () => {
      for (const { versions } of this.#models.values()) versions.retryForRoom();
    };
    return new MemoryBudget({ limitBytes, onRoom: () => queueMicrotask(retryAll) });
  }

  #newVersions(model: string): ModelVersions {
    const { transitionPolicy } = this.#options;
    return new ModelVersions({
      model,
      context: this.#context,
      transitionPolicy: () => transitionPolicy?.(model) ?? 'availability-preserving',
      onStatus: (status) => this.#onStatus(status),
      onChange: () => queueMicrotask(() => this.#changed()),
    });
  }

  #onStatus(status: ServableStatus): void {
    this.#options.monitor.publish(status);
    const { id } = status;
    const error =
      status.error ?? status.warning ?? (status.state === 'LOADING' ? status.retry?.error : undefined);
    if (error !== undefined) {
      const known = this.#models.get(id.model);
      if (known !== undefined && status.warning === undefined) known.hasFailedSince = true;
      if (!known?.versions.isAspired(id.version)) this.#options.monitor.giveUp(id);
      notify(this.#options.onFailure, { model: id.model, id, error });
    }
    // Not now: the version is in the middle of its step.
    queueMicrotask(() => this.#changed());
  }

  #remember(model: string, known: Model, error: ServingError | undefined): void {
    const isNew = error !== undefined && error.message !== known.sourceError?.message;
    known.sourceError = error;
    if (!isNew) return;
    known.hasFailedSince = false;
    notify(this.#options.onFailure, { model, error });
  }

  #giveUpUnwanted(model: string, versions: ModelVersions): void {
    for (const { id } of this.#options.monitor.status(model)) {
      if (!versions.isAspired(id.version)) this.#options.monitor.giveUp(id);
    }
  }

  #changed(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  async #when(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const waiter = () => {
        if (!condition()) return;
        this.#waiters.delete(waiter);
        resolve();
      };
      this.#waiters.add(waiter);
    });
  }
}
