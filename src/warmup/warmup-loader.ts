import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../core/clock.js';
import { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import { commonRowCount } from '../core/rows.js';
import type { Loader, Servable } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import { checkInputs, findSignature, selectOutputs } from '../core/signature-check.js';
import { makeSyntheticRequests } from './synthetic-requests.js';
import { tileRows } from './tile-rows.js';
import { readWarmupRequests, warmupFile } from './warmup-file.js';
import type { WarmupPlan } from './warmup-plan.js';
import type { WarmupRequest } from './warmup-request.js';

/** A version that was warmed up, or was not because that failed. */
export interface WarmupReport {
  /** Which version it was. */
  readonly id: ServableId;
  /** The version's directory. */
  readonly path: string;
  /** Requests that were read or made up, and runs that they took. */
  readonly requests: number;
  /** Runs that they took, of all batch sizes. */
  readonly runs: number;
  /** Milliseconds that it took, without the load. */
  readonly durationMs: number;
  /** Why the version is not loaded; absent where all went well. */
  readonly error?: ServingError;
}

/** What loads versions, how each is warmed up, and who is told. */
export interface WarmupLoaderOptions {
  /** What loads the versions, with batching if they have any. */
  readonly loader: Loader;
  /** How a version is warmed up; not at all where it returns nothing. */
  readonly plan: (id: ServableId) => WarmupPlan | undefined;
  /** Is told of every version that had something to be warmed up with. */
  readonly onWarmup?: (report: WarmupReport) => void;
  /** @default the system's */
  readonly clock?: Clock;
}

/**
 * Loads versions, and runs what their directories hold to warm them up with before they are available: the first requests
 * are then as fast as the others. The runs go the way of all requests, through the batches if there are any, at every
 * allowed batch size.
 *
 * A version whose warm-up fails is not loaded. Source: TF Serving, servables/tensorflow/saved_model_warmup_util.cc.
 *
 * @example
 * ```ts
 * import { OnnxLoader, OrtEngine, WarmupLoader } from 'servable';
 *
 * const engine = new OrtEngine({ numBatchThreads: 1 });
 * engine.start();
 * const loader = new WarmupLoader({
 *   loader: new OnnxLoader({ engine }),
 *   plan: () => ({ warmup: 'synthetic', numRequestIterations: 1, batchSizes: [] }),
 *   onWarmup: ({ requests }) => console.log(requests), // 1
 * });
 * const servable = await loader.load({ model: 'digits', version: 1 }, 'examples/models/digits/1');
 * await servable.unload();
 * await engine.close();
 * ```
 */
export class WarmupLoader implements Loader {
  readonly estimate?: NonNullable<Loader['estimate']>;
  readonly #options: WarmupLoaderOptions;
  readonly #clock: Clock;

  constructor(options: WarmupLoaderOptions) {
    const { loader } = options;
    if (loader.estimate !== undefined) this.estimate = loader.estimate.bind(loader);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Loads a version and warms it up.
   *
   * @throws ServingError as the loader that does it; DATA_LOSS for a damaged file; INVALID_ARGUMENT for a record that is
   *   none, does not fit the model, or is one too many (1000 are allowed); UNIMPLEMENTED for a kind of record that cannot
   *   be run; whatever a run fails with.
   */
  async load(id: ServableId, path: string, signal?: AbortSignal): Promise<Servable> {
    const { loader, plan: planOf } = this.#options;
    const servable = await loader.load(id, path, signal);
    const plan = planOf(id);
    if (plan === undefined || plan.warmup === 'off') return servable;
    try {
      await this.#warmUp(servable, path, plan, signal);
      return servable;
    } catch (error) {
      await servable.unload();
      throw error;
    }
  }

  async #warmUp(servable: Servable, path: string, plan: WarmupPlan, signal?: AbortSignal): Promise<void> {
    const { id } = servable;
    const startMs = this.#clock.now();
    const counts = { requests: 0, runs: 0 };
    const report = (error?: ServingError) => {
      const durationMs = this.#clock.now() - startMs;
      notify(this.#options.onWarmup, { id, path, ...counts, durationMs, ...(error && { error }) });
    };
    try {
      for await (const request of requestsOf(servable, path, plan, signal)) {
        counts.requests++;
        counts.runs += await runAtAllSizes(servable, request, plan, signal);
      }
    } catch (error) {
      const failure = ServingError.from(error);
      report(failure);
      throw withId(failure, id);
    }
    if (counts.requests > 0) report();
  }
}

async function* requestsOf(servable: Servable, path: string, { warmup }: WarmupPlan, signal?: AbortSignal) {
  if (existsSync(join(path, warmupFile))) yield* readWarmupRequests(servable, path, signal);
  else if (warmup === 'synthetic' || isOnDevice(servable))
    yield* await makeSyntheticRequests(servable, signal);
}

function isOnDevice({ device }: Servable): boolean {
  return device?.devices.some((each) => each !== 'cpu') ?? false;
}

/** How many runs it took. */
async function runAtAllSizes(
  servable: Servable,
  { signature: name, inputs, outputs: wanted }: WarmupRequest,
  { batchSizes, numRequestIterations }: WarmupPlan,
  signal?: AbortSignal,
): Promise<number> {
  const { id } = servable;
  const signature = findSignature(servable.signatures, name);
  checkInputs(id, signature, inputs);
  const outputs = selectOutputs(id, signature, wanted);
  const own = commonRowCount(inputs);
  const others = batchSizes.filter((rows) => rows !== own).map((rows) => tileRows(inputs, rows));
  let runs = 0;
  for (const each of [inputs, ...others]) {
    if (each === undefined) continue; // it has no rows to make more of
    for (let iteration = 0; iteration < numRequestIterations; iteration++) {
      const request = { signature, inputs: each, outputs, signal };
      await servable.run(request);
      const { devices = [] } = servable.device ?? {};
      if (devices.length > 1) await servable.runEverywhere?.(request);
      runs++;
    }
  }
  return runs;
}

/** The same error, which says which version it is about. TF Serving's texts are kept: its users search for them. */
function withId(error: ServingError, id: ServableId): ServingError {
  if (error.id !== undefined) return error;
  return new ServingError(error.code, error.message, {
    ...error.facts,
    id,
    cause: error.cause,
  });
}
