import { type Clock, systemClock } from '../../core/clock.js';
import { ServingError } from '../../core/errors.js';
import { notify } from '../../core/notify.js';
import { assertNumber } from '../../core/option-check.js';
import type { Source, SourceListener } from '../source.js';
import type { VersionPolicy } from '../version-policy.js';
import { type FileSystem, findVersions, nodeFileSystem } from './base-path.js';

/** A model and where its versions appear. */
export interface WatchedModel {
  readonly name: string;
  /** The folder of the version directories. */
  readonly basePath: string;
  readonly versionPolicy: VersionPolicy;
}

export interface FileSystemSourceOptions {
  readonly models: readonly WatchedModel[];
  /**
   * Milliseconds from the end of one look to the next. 0 looks once.
   *
   * @default 1000, as TF Serving's `--file_system_poll_wait_seconds`
   */
  readonly pollIntervalMs?: number;
  readonly clock?: Clock;
  /** @internal The file system, so that a test can break it. */
  readonly fileSystem?: FileSystem;
}

/** Base paths that are looked into at the same time: with many models, more would hold the event loop when they answer. */
const lanes = 8;

/**
 * Looks for version directories in base paths, again and again.
 *
 * It polls: file-system events miss what happens on network file systems and when Kubernetes swaps a volume's links.
 * A base path that is missing, unreadable or has no versions concerns its model alone, and what is served of it goes
 * on being served; TF Serving unloads everything in the one case and stops looking at all models in the other. It heals
 * by itself.
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
  readonly #clock: Clock;
  readonly #fileSystem: FileSystem;
  #models: readonly WatchedModel[];
  #listener: SourceListener | undefined;
  #started: Promise<void> | undefined;
  /** The look under way, and the one that begins after it: looks never overlap. */
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  /** @throws ServingError INVALID_ARGUMENT for an interval that is none. */
  constructor(options: FileSystemSourceOptions) {
    const { models, pollIntervalMs = 1000, clock = systemClock, fileSystem = nodeFileSystem } = options;
    assertNumber(pollIntervalMs, 'pollIntervalMs', { min: 0 });
    this.#models = models;
    this.#pollIntervalMs = pollIntervalMs;
    this.#clock = clock;
    this.#fileSystem = fileSystem;
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
    return this.poll();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
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
    const left = this.#models.values();
    const lookAtNext = async () => {
      for (const model of left) await this.#lookAt(model); // each lane takes the next one from the same iterator
    };
    this.#looking = Promise.all(Array.from({ length: lanes }, lookAtNext)).then(() => {});
    return this.#looking;
  }

  async #lookAt(model: WatchedModel): Promise<void> {
    const found = await findVersions(this.#fileSystem, model);
    // Closed, or given other models to watch, while it looked: what it found is of no interest any more.
    if (this.#isClosed || !this.#models.includes(model)) return;
    notify((listener) => {
      if ('error' in found) listener?.fail(model.name, found.error);
      else listener?.aspire(model.name, found.versions, found.warning);
    }, this.#listener);
  }
}
