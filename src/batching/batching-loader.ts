import { cancelled, ServingError } from '../core/errors.js';
import type { Loader, Servable, UnbatchedReport } from '../core/servable.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { TensorMap } from '../core/tensor.js';
import type { Trace } from '../core/trace.js';
import { timeRuns } from './adaptive/time-runs.js';
import type { BatchDispatcher } from './batch-dispatcher.js';
import type { FinishedRun } from './batch-policy.js';
import type { BatchRecord } from './batch-record.js';
import { makeBatching } from './batched.js';
import type { BatchingObserver } from './batching-observer.js';
import { type BatchingOptions, type ResolvedBatching, resolveBatching } from './batching-options.js';
import { resolveFilling } from './filling.js';
import { findVersionFaults } from './safety/version-safety.js';

/** What loads, what is batched, and who is told of what is not. */
export interface BatchingLoaderOptions {
  /** What loads the versions. */
  readonly loader: Loader;
  /** Whose threads the batches of all its versions share. */
  readonly dispatcher: BatchDispatcher;
  /**
   * How the requests of a version share runs, which lies in `path`; they do not where it returns nothing or false. What it
   * rejects with is what the load fails of.
   */
  readonly batching: (
    id: ServableId,
    path: string,
  ) => BatchingOptions | false | undefined | Promise<BatchingOptions | false>;
  /**
   * Requests that are known to be good, by the names of their signatures: to see with whether rows may share a run. Never
   * rejects. Rows are made up where there are none.
   */
  readonly samples?: (
    servable: Servable,
    path: string,
    signal?: AbortSignal,
  ) => Promise<ReadonlyMap<string, readonly TensorMap[]>>;
  /** Is told of runs, refusals and splits of all its versions. */
  readonly observer?: BatchingObserver;
  /** @internal Follows every run that requests share. */
  readonly trace?: Trace<BatchRecord> | undefined;
  /** Is told of each version that is served without batching although it was asked for, before it is available. */
  readonly onUnbatched?: (report: UnbatchedReport) => void;
}

/**
 * Loads versions whose requests share runs, where their rows may: a model that mixes rows would give each caller an
 * answer that depends on its neighbours. See {@link BatchingOptions.batchSafety}.
 *
 * @example
 * ```ts
 * import { BatchDispatcher, BatchingLoader, OnnxLoader, OrtEngine } from 'servable';
 *
 * const engine = new OrtEngine({ numBatchThreads: 1 });
 * engine.start();
 * const loader = new BatchingLoader({
 *   loader: new OnnxLoader({ engine }),
 *   dispatcher: new BatchDispatcher({ numBatchThreads: 1 }),
 *   batching: () => ({ maxBatchSize: 32 }),
 * });
 * const servable = await loader.load({ model: 'digits', version: 1 }, 'examples/models/digits/1');
 * console.log(servable.batching); // { isOn: true }
 * await servable.unload();
 * await engine.close();
 * ```
 */
export class BatchingLoader implements Loader {
  /** As the loader that does it; absent where that has none. */
  readonly estimate?: NonNullable<Loader['estimate']>;
  readonly #options: BatchingLoaderOptions;

  constructor(options: BatchingLoaderOptions) {
    const { loader } = options;
    this.#options = options;
    if (loader.estimate !== undefined) this.estimate = loader.estimate.bind(loader);
  }

  /**
   * Loads a version, and looks whether its rows may share a run.
   *
   * @throws ServingError as the loader that does it; FAILED_PRECONDITION for a pad value that does not fit the model, and
   *   where batching is required of a model that cannot be batched.
   */
  async load(id: ServableId, path: string, signal?: AbortSignal): Promise<Servable> {
    const { loader, batching: optionsOf } = this.#options;
    const options = await optionsOf(id, path);
    if (signal?.aborted) throw cancelled(signal);
    const servable = await loader.load(id, path, signal);
    if (!options) return servable;
    try {
      const batching = resolveBatching(options, `batching of ${id.model}`);
      const samples = await this.#options.samples?.(servable, path, signal);
      return await this.#batch(servable, batching, samples, signal);
    } catch (error) {
      await servable.unload();
      throw error;
    }
  }

  async #batch(
    servable: Servable,
    batching: ResolvedBatching,
    samples: ReadonlyMap<string, readonly TensorMap[]> | undefined,
    signal?: AbortSignal,
  ): Promise<Servable> {
    const { dispatcher, observer, trace, onUnbatched } = this.#options;
    const { id } = servable;
    const filling = resolveFilling(id, servable.signatures, batching);
    const trials: FinishedRun[] = [];
    const timed = timeRuns(servable, dispatcher.clock, (run) => trials.push(run));
    const faults = await findVersionFaults({ servable: timed, batching, filling, samples, signal });
    const { unbatched, isPaddable, reason } = faults;
    const isOn = unbatched.size < servable.signatures.size;
    if (reason !== undefined && batching.batchSafety === 'require') {
      throw new ServingError(
        'FAILED_PRECONDITION',
        `Cannot load ${formatServableId(id)}: its rows cannot share a run, and batching is required: ${reason}`,
        { id, actual: reason, expected: 'rows that may share a run' },
      );
    }
    if (reason !== undefined) onUnbatched?.({ id, reason });
    const status = { isOn, ...(reason !== undefined && { reason }) };
    const isPadding = batching.isPadding && isPaddable;
    return makeBatching(servable, {
      batching: { ...batching, isPadding },
      filling,
      dispatcher,
      observer,
      status,
      unbatched,
      trace,
      trials,
    });
  }
}
