import { type Deferred, deferred } from '#dist/core/deferred.js';
import { ServingError } from '#dist/core/errors.js';
import type { Loader, ModelMetadata, Servable } from '#dist/core/servable.js';
import { formatServableId, type ServableId } from '#dist/core/servable-id.js';
import type { TensorMap } from '#dist/core/tensor.js';

/** A servable that counts its unloads. */
export class FakeServable implements Servable {
  readonly id: ServableId;
  readonly signatures = new Map();
  readonly metadata: ModelMetadata = {
    producer: '',
    graph: '',
    description: '',
    domain: '',
    modelVersion: 0n,
    custom: {},
  };
  unloads = 0;
  readonly #unloaded: Deferred<void> | undefined;

  constructor(id: ServableId, { holdsUnload = false } = {}) {
    this.id = id;
    this.#unloaded = holdsUnload ? deferred() : undefined;
  }

  async run(): Promise<TensorMap> {
    return {};
  }

  async unload(): Promise<void> {
    this.unloads++;
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
    const fail = (error: unknown = failure) => reject(error);
    const load = { id, path, signal, servable, finish: () => resolve(servable), fail };
    this.loads.push(load);
    if (this.#options.isAutomatic) load.finish();
    const onAbort = () => fail(new ServingError('CANCELLED', 'The load was aborted'));
    if (!this.#options.ignoresAbort) signal?.addEventListener('abort', onAbort);
    return promise;
  }

  /** The newest load of a version. */
  of(version: number): FakeLoad {
    const load = this.loads.findLast(({ id }) => id.version === version);
    if (load === undefined) throw new Error(`Nobody asked to load version ${version}`);
    return load;
  }
}
