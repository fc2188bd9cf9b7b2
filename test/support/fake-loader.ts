import { type Deferred, deferred } from '#dist/core/deferred.js';
import { ServingError } from '#dist/core/errors.js';
import type { Loader, ModelMetadata, Servable } from '#dist/core/servable.js';
import { formatServableId, type ServableId } from '#dist/core/servable-id.js';
import type { TensorMap } from '#dist/core/tensor.js';

/** What a model says of itself that says nothing. */
export const noMetadata: ModelMetadata = {
  producer: '',
  graph: '',
  description: '',
  domain: '',
  modelVersion: 0n,
  custom: {},
};

/** A servable that counts its unloads. */
export class FakeServable implements Servable {
  readonly id: ServableId;
  readonly signatures = new Map();
  readonly metadata = noMetadata;
  readonly memoryBytes?: number;
  unloads = 0;
  /** Why its requests were ended, each time they were. */
  readonly abandoned: unknown[] = [];
  readonly #onUnload: FakeLoaderOptions['onUnload'];
  readonly #unloaded: Deferred<void> | undefined;

  constructor(id: ServableId, { holdsUnload = false, onUnload, memoryBytes }: FakeLoaderOptions = {}) {
    this.id = id;
    if (memoryBytes !== undefined) this.memoryBytes = memoryBytes;
    this.#onUnload = onUnload;
    this.#unloaded = holdsUnload ? deferred() : undefined;
  }

  async run(): Promise<TensorMap> {
    return {};
  }

  abandon(reason: unknown): void {
    this.abandoned.push(reason);
  }

  async unload(): Promise<void> {
    this.unloads++;
    this.#onUnload?.(this);
    await this.#unloaded?.promise;
  }

  finishUnload(): void {
    this.#unloaded?.resolve();
  }

  failUnload(error: unknown): void {
    this.#unloaded?.reject(error);
  }
}

/** A load that waits to be told how it ends. */
export interface FakeLoad {
  readonly id: ServableId;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
  /** What it will bring. */
  readonly servable: FakeServable;
  /** How it ended; what it is told afterwards has no effect. */
  outcome: 'pending' | 'finished' | 'failed';
  finish(): void;
  /** @param error by default INVALID_ARGUMENT, `Cannot load digits@7` */
  fail(error?: unknown): void;
}

export interface FakeLoaderOptions {
  /** Loads finish by themselves. */
  readonly isAutomatic?: boolean;
  /** Loads go on when their signal is aborted, as one does that is deep in native code. */
  readonly ignoresAbort?: boolean;
  /** Servables unload when they are told. */
  readonly holdsUnload?: boolean;
  /** What a version is thought to take, by its path. */
  readonly estimates?: Readonly<Record<string, number>>;
  /** What a loaded version takes, measured. */
  readonly memoryBytes?: number;
  /** Told of every unload when it begins. */
  readonly onUnload?: (servable: FakeServable) => void;
}

/** Loads when it is told, and remembers every load it was asked for. */
export class FakeLoader implements Loader {
  /** Oldest first. */
  readonly loads: FakeLoad[] = [];
  readonly #options: FakeLoaderOptions;

  constructor(options: FakeLoaderOptions = {}) {
    this.#options = options;
  }

  load(id: ServableId, path: string, signal?: AbortSignal): Promise<Servable> {
    const { promise, resolve, reject } = deferred<Servable>();
    const servable = new FakeServable(id, this.#options);
    const failure = new ServingError('INVALID_ARGUMENT', `Cannot load ${formatServableId(id)}`, { id });
    const end = (outcome: 'finished' | 'failed', settle: () => void) => {
      if (load.outcome === 'pending') load.outcome = outcome;
      settle();
    };
    const load: FakeLoad = {
      id,
      path,
      signal,
      servable,
      outcome: 'pending',
      finish: () => end('finished', () => resolve(servable)),
      fail: (error: unknown = failure) => end('failed', () => reject(error)),
    };
    this.loads.push(load);
    if (this.#options.isAutomatic) load.finish();
    const onAbort = () => load.fail(new ServingError('CANCELLED', 'The load was aborted'));
    if (!this.#options.ignoresAbort) signal?.addEventListener('abort', onAbort);
    return promise;
  }

  async estimate(_id: ServableId, path: string): Promise<number> {
    return this.#options.estimates?.[path] ?? 0;
  }

  /** The newest load of a version. */
  of(version: number): FakeLoad {
    const load = this.loads.findLast(({ id }) => id.version === version);
    if (load === undefined) throw new Error(`Nobody asked to load version ${version}`);
    return load;
  }
}
