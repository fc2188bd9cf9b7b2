import { availableParallelism } from 'node:os';
import type { BatchingStatus, Servable } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import type { Trace } from '../core/trace.js';
import { AdaptivePolicy } from './adaptive/adaptive-policy.js';
import { BatchDispatcher } from './batch-dispatcher.js';
import { type BatchPolicy, type FinishedRun, FixedPolicy } from './batch-policy.js';
import { BatchQueue } from './batch-queue.js';
import type { BatchRecord } from './batch-record.js';
import { BatchRunner } from './batch-runner.js';
import type { BatchingObserver } from './batching-observer.js';
import { type BatchingOptions, type ResolvedBatching, resolveBatching } from './batching-options.js';
import { BatchingServable } from './batching-servable.js';
import { resolveFilling } from './filling.js';
import type { Filling } from './merge-inputs.js';

/** How the requests to one servable share runs, and whose threads they run on. */
export interface BatchedOptions extends BatchingOptions {
  /**
   * What shares the threads with other servables.
   *
   * @default one of its own, with `numBatchThreads`, which is closed when the servable is unloaded
   */
  readonly dispatcher?: BatchDispatcher;
  /** Batches that run at once, where no dispatcher is given. At least 1. @default the number of processors */
  readonly numBatchThreads?: number;
  /** Is told of runs, refusals and splits. */
  readonly observer?: BatchingObserver;
}

/**
 * A servable whose requests share runs: the one given, with batching before it.
 *
 * It does not look whether the model's rows may share a run; {@link BatchingLoader} does, and that is what `batchSafety`
 * is for. `unload` lets what waits go first.
 *
 * @throws ServingError INVALID_ARGUMENT for an option that is wrong; FAILED_PRECONDITION for a pad value that does not
 *   fit the model.
 *
 * @example
 * ```ts
 * import { batched, OnnxLoader, OrtEngine, tensor } from 'servable';
 *
 * const engine = new OrtEngine({ numBatchThreads: 1 });
 * engine.start();
 * const digits = await new OnnxLoader({ engine }).load({ model: 'digits', version: 1 }, 'examples/models/digits/1');
 * const runs = [];
 * const servable = batched(digits, {
 *   maxBatchSize: 32,
 *   numBatchThreads: 1,
 *   observer: { onRun: ({ rows }) => runs.push(rows) },
 * });
 *
 * const signature = servable.signatures.get('serving_default');
 * const predict = () => {
 *   const inputs = { pixels: tensor('float32', [1, 64], new Float32Array(64)) };
 *   return servable.run({ signature, inputs, outputs: ['label'] });
 * };
 * const answers = await Promise.all(Array.from({ length: 8 }, predict));
 * console.log(answers.length, runs); // 8 [ 8 ]
 * await servable.unload();
 * await engine.close();
 * ```
 */
export function batched(servable: Servable, options: BatchedOptions = {}): Servable {
  const { dispatcher, numBatchThreads = availableParallelism(), observer, ...rest } = options;
  const batching = resolveBatching(rest, 'options');
  const filling = resolveFilling(servable.id, servable.signatures, batching);
  const own = dispatcher === undefined ? new BatchDispatcher({ numBatchThreads }) : undefined;
  return makeBatching(servable, {
    batching,
    filling,
    dispatcher: dispatcher ?? (own as BatchDispatcher),
    observer,
    status: { isOn: true },
    unbatched: new Set(),
    trace: undefined,
    onUnload: async () => own?.close(),
  });
}

/** What a servable is batched with. */
export interface BatchingParts {
  readonly batching: ResolvedBatching;
  readonly filling: Filling;
  readonly dispatcher: BatchDispatcher;
  readonly observer: BatchingObserver | undefined;
  readonly status: BatchingStatus;
  readonly unbatched: ReadonlySet<Signature>;
  readonly trace: Trace<BatchRecord> | undefined;
  /** Runs that were seen already: what the policy knows of costs when it begins. */
  readonly trials?: readonly FinishedRun[];
  readonly onUnload?: () => Promise<void>;
}

/** @internal Puts the parts together. */
export function makeBatching(servable: Servable, parts: BatchingParts): Servable {
  const { id } = servable;
  const { batching, filling, dispatcher, observer, status, unbatched, trace } = parts;
  const policy = choosePolicy(id, batching, dispatcher.numBatchThreads);
  for (const run of parts.trials ?? []) policy.onRun(run);
  const runner = new BatchRunner({ servable, filling, policy, clock: dispatcher.clock, observer, trace });
  const queue = new BatchQueue({
    id,
    isPadding: batching.isPadding,
    policy,
    runner,
    dispatcher,
    flow: dispatcher.enter(id.model),
    observer,
  });
  const onUnload = async () => {
    dispatcher.leave(id.model);
    await parts.onUnload?.();
  };
  return new BatchingServable({
    servable,
    queue,
    policy,
    maxRows: batching.maxRows,
    isSplitting: batching.isSplitting,
    status,
    unbatched,
    observer,
    onUnload,
  });
}

function choosePolicy(id: ServableId, batching: ResolvedBatching, slots: number): BatchPolicy {
  const { latencyTargetMicros: targetMicros, maxRows } = batching;
  if (targetMicros === undefined) return new FixedPolicy(batching);
  return new AdaptivePolicy({ id, targetMicros, maxRows, slots });
}
