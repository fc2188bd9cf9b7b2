import { type Clock, systemClock } from '../../core/clock.js';
import { deferred } from '../../core/deferred.js';
import { ServingError } from '../../core/errors.js';
import { notify } from '../../core/notify.js';
import { assertNumber } from '../../core/option-check.js';
import type { Storage } from '../../core/storage.js';
import { LocalStorage } from '../../storage/local-storage.js';
import type { LookReport } from '../lifecycle-observer.js';
import type { AspiredVersion, Source, SourceListener } from '../source.js';
import type { VersionPolicy } from '../version-policy.js';
import { type Found, findVersions } from './base-path.js';
import { Fingerprints } from './fingerprints.js';

/** A model and where its versions appear. */
export interface WatchedModel {
  /** What the model is called when its versions are told. */
  readonly name: string;
  /** The folder of the version directories. */
  readonly basePath: string;
  /** Which of the versions found are wanted. */
  readonly versionPolicy: VersionPolicy;
  /** How its versions are to be made. @see AspiredVersion.build */
  readonly build?: string;
}

/** Which base paths are looked into, how often, and in which storage. */
export interface FileSystemSourceOptions {
  /** What is watched at first; `setModels` says what is watched later. */
  readonly models: readonly WatchedModel[];
  /**
   * Milliseconds from the end of one look to the next. 0 looks once.
   *
   * @default 1000, as TF Serving's `--file_system_poll_wait_seconds`
   */
  readonly pollIntervalMs?: number;
  /**
   * Milliseconds that a look into a base path may take. Then it is reported as unavailable, and left alone until the look
   * ends: a network file system that hangs holds up its own models only.
   *
   * @default 10000
   */
  readonly lookTimeoutMs?: number;
  /** Where the base paths are. @default the machine's own file system */
  readonly storage?: Storage;
  /** Is told of every look. */
  readonly onLook?: (report: LookReport) => void;
  /** @default the system's */
  readonly clock?: Clock;
}

/** Base paths that are looked into at the same time: with many models, more would hold the event loop when they answer. */
const lanes = 8;

/**
 * Looks for version directories in base paths, again and again.
 *
 * It polls: file-system events miss what happens on network file systems and when Kubernetes swaps a volume's links.
 * A base path that is missing, unreadable or has no versions concerns its model alone, and what is served of it goes
 * on being served; TF Serving unloads everything in the one case and stops looking at all models in the other. It heals
 * by itself. The files of the versions that are wanted are looked at too, so that a change of them can be seen.
 *
 * @example
 * ```ts
 * import { FileSystemSource } from 'servable';
 *
 * const source = new FileSystemSource({
 *   models: [{ name: 'digits', basePath: 'examples/models/digits', versionPolicy: 'all' }],
 *   pollIntervalMs: 0,
 * });
 * await source.start({
 *   aspire: (model, versions) => console.log(model, versions.map(({ version }) => version)), // digits [ 3, 2, 1 ]
 *   fail: (model, error) => console.error(model, error.message),
 * });
 * source.close();
 * ```
 */
export class FileSystemSource implements Source {
  readonly #pollIntervalMs: number;
  readonly #lookTimeoutMs: number;
  readonly #clock: Clock;
  readonly #storage: Storage;
  readonly #onLook: ((report: LookReport) => void) | undefined;
  readonly #fingerprints: Fingerprints;
  #models: readonly WatchedModel[];
  #listener: SourceListener | undefined;
  #started: Promise<void> | undefined;
  /** The look under way, and the one that begins after it: looks never overlap. */
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  /** What ends the looks that are under way. */
  readonly #aborts = new Set<AbortController>();
  /** Base paths whose last look has neither ended nor answered in time. */
  readonly #stuck = new Set<string>();
  /** What was found last, by model. */
  readonly #found = new Map<
    string,
    { readonly versions: readonly number[]; readonly aspired: readonly number[] }
  >();
  #isClosed = false;

  /** @throws ServingError INVALID_ARGUMENT for an interval or a timeout that is none. */
  constructor(options: FileSystemSourceOptions) {
    const { models, pollIntervalMs = 1000, lookTimeoutMs = 10_000, clock = systemClock } = options;
    const { storage = new LocalStorage() } = options;
    assertNumber(pollIntervalMs, 'pollIntervalMs', { min: 0 });
    assertNumber(lookTimeoutMs, 'lookTimeoutMs', { min: 0, isInfinityAllowed: true });
    this.#models = models;
    this.#pollIntervalMs = pollIntervalMs;
    this.#lookTimeoutMs = lookTimeoutMs;
    this.#clock = clock;
    this.#storage = storage;
    this.#onLook = options.onLook;
    this.#fingerprints = new Fingerprints(storage);
  }

  /**
   * Looks once, and resolves when all of what was found has been told; then goes on looking. Once: a second call gets
   * the promise of the first.
   *
   * @throws ServingError FAILED_PRECONDITION after `close`.
   */
  start(listener: SourceListener): Promise<void> {
    this.#started ??= this.#start(listener);
    return this.#started;
  }

  /**
   * Looks now, after the look under way if there is one; resolves when what was found has been told. All who ask during
   * a look share the next one. Has no effect before `start` and after `close`. Never rejects.
   */
  poll(): Promise<void> {
    if (this.#looking === undefined) return this.#look();
    this.#next ??= this.#looking.then(() => {
      this.#next = undefined;
      return this.#look();
    });
    return this.#next;
  }

  /** Watches other models from now on, and looks at them. A model that is gone is wanted in no version. */
  setModels(models: readonly WatchedModel[]): Promise<void> {
    const names = new Set(models.map(({ name }) => name));
    for (const { name } of this.#models) {
      if (!names.has(name) && !this.#isClosed) this.#listener?.aspire(name, []);
    }
    this.#models = models;
    for (const name of this.#found.keys()) {
      if (!names.has(name)) this.#found.delete(name);
    }
    return this.poll();
  }

  /** The versions that the last look into a model's base path found; undefined before it. */
  found(
    model: string,
  ): { readonly versions: readonly number[]; readonly aspired: readonly number[] } | undefined {
    return this.#found.get(model);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    for (const abort of this.#aborts) abort.abort();
  }

  async #start(listener: SourceListener): Promise<void> {
    if (this.#isClosed)
      throw new ServingError('FAILED_PRECONDITION', 'Cannot start a source that has been closed');
    this.#listener = listener;
    await this.poll();
    this.#scheduleNext();
  }

  #scheduleNext(): void {
    if (this.#isClosed || this.#pollIntervalMs === 0) return;
    this.#cancelTimer = this.#clock.schedule(this.#pollIntervalMs, () => {
      void this.poll().then(() => this.#scheduleNext());
    });
  }

  #look(): Promise<void> {
    if (this.#isClosed || this.#listener === undefined) return Promise.resolve();
    this.#fingerprints.beginLook();
    const left = this.#models.values();
    const lookAtNext = async () => {
      for (const model of left) await this.#lookAt(model); // each lane takes the next one from the same iterator
    };
    this.#looking = Promise.all(Array.from({ length: lanes }, lookAtNext)).then(() => {});
    return this.#looking;
  }

  async #lookAt(model: WatchedModel): Promise<void> {
    const startMs = this.#clock.now();
    const found = this.#stuck.has(model.basePath) ? this.#tooLong(model) : await this.#findInTime(model);
    const isOfInterest = () => !this.#isClosed && this.#models.includes(model);
    // Closed, or given other models to watch, while it looked: what it found is of no interest any more.
    if (!isOfInterest()) return;
    const durationMs = this.#clock.now() - startMs;
    const { error, warning } = { error: undefined, warning: undefined, ...found };
    notify(this.#onLook, {
      model: model.name,
      durationMs,
      ...(error && { error }),
      ...(warning && { warning }),
    });
    notify((listener) => this.#tell(model, found, listener), this.#listener);
  }

  #tell({ name }: WatchedModel, found: FoundWithRevisions, listener: SourceListener | undefined): void {
    if ('error' in found) {
      listener?.fail(name, found.error);
      return;
    }
    const { aspired, versions, warning } = found;
    this.#found.set(name, { versions, aspired: aspired.map(({ version }) => version) });
    listener?.aspire(name, aspired, warning);
  }

  /** What a look finds, or, where it takes too long, that it does. */
  async #findInTime(model: WatchedModel): Promise<FoundWithRevisions> {
    const abort = new AbortController();
    this.#aborts.add(abort);
    const looked = this.#find(model, abort.signal).finally(() => this.#aborts.delete(abort));
    const late = deferred<FoundWithRevisions>();
    const onLate = () => {
      this.#stuck.add(model.basePath);
      void looked.finally(() => this.#stuck.delete(model.basePath));
      abort.abort();
      late.resolve(this.#tooLong(model));
    };
    const isBounded = this.#lookTimeoutMs !== Number.POSITIVE_INFINITY;
    const cancelTimer = isBounded ? this.#clock.schedule(this.#lookTimeoutMs, onLate) : undefined;
    try {
      return await Promise.race([looked, late.promise]);
    } finally {
      cancelTimer?.();
    }
  }

  async #find(model: WatchedModel, signal: AbortSignal): Promise<FoundWithRevisions> {
    const found = await findVersions(this.#storage, model, signal);
    if ('error' in found) return found;
    const { build } = model;
    const aspired = await Promise.all(
      found.aspired.map(async (version): Promise<AspiredVersion> => {
        const revision = await this.#fingerprints.of(version.path, signal);
        return {
          ...version,
          ...(revision !== undefined && { revision }),
          ...(build !== undefined && { build }),
        };
      }),
    );
    return { ...found, aspired };
  }

  #tooLong({ name, basePath }: WatchedModel): { readonly error: ServingError } {
    const error = new ServingError(
      'UNAVAILABLE',
      `Cannot look for versions of servable ${name}: base path ${basePath} did not answer within ${this.#lookTimeoutMs} ms`,
    );
    return { error };
  }
}

type FoundWithRevisions =
  | (Exclude<Found, { readonly error: ServingError }> & { readonly aspired: readonly AspiredVersion[] })
  | { readonly error: ServingError };
