// Hot path: once for each request. Guarded by bench/batching/cpu-per-request.mjs.
import { Cancellation } from '../core/cancellation.js';
import { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import { commonRowCount, concatRows } from '../core/rows.js';
import type {
  BatchingStatus,
  DeviceStatus,
  ModelMetadata,
  RunRequest,
  Servable,
  WaitingRequests,
} from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import { tooLarge } from './batch-errors.js';
import type { BatchPolicy } from './batch-policy.js';
import type { BatchQueue } from './batch-queue.js';
import type { BatchingObserver, RequestSplit } from './batching-observer.js';

export interface BatchingServableOptions {
  readonly servable: Servable;
  readonly queue: BatchQueue;
  readonly policy: BatchPolicy;
  /** Rows of a batch, at most, whatever the policy. */
  readonly maxRows: number;
  /** Whether a request that is larger than a batch is cut into several; it is refused otherwise. */
  readonly isSplitting: boolean;
  readonly status: BatchingStatus;
  /** Signatures whose requests run alone. */
  readonly unbatched: ReadonlySet<Signature>;
  readonly observer: BatchingObserver | undefined;
  /** Called when the servable is unloaded. */
  readonly onUnload: () => Promise<void>;
}

/** A servable whose requests share runs. */
export class BatchingServable implements Servable {
  readonly id: ServableId;
  readonly metadata: ModelMetadata;
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly batching: BatchingStatus;
  readonly #options: BatchingServableOptions;
  #abandoned: ServingError | undefined;

  constructor(options: BatchingServableOptions) {
    const { servable, status } = options;
    this.id = servable.id;
    this.metadata = servable.metadata;
    this.signatures = servable.signatures;
    this.batching = status;
    this.#options = options;
  }

  /**
   * As the servable's own `run`. A request without rows, with a scalar input, with inputs that differ in their rows, or
   * with a value for an optional input, runs alone, at once.
   *
   * @throws ServingError beside what the servable throws: UNAVAILABLE where the queue is full; INVALID_ARGUMENT for a
   *   request that is larger than a batch, where none is cut; DEADLINE_EXCEEDED; FAILED_PRECONDITION where an output
   *   has not as many rows as the inputs.
   */
  run(request: RunRequest): Promise<TensorMap> {
    if (this.#abandoned !== undefined) return Promise.reject(this.#abandoned);
    try {
      return this.#run(request);
    } catch (error) {
      return Promise.reject(error); // not an async function, which would cost each request three turns
    }
  }

  async runEverywhere(request: RunRequest): Promise<void> {
    await this.#options.servable.runEverywhere?.(request);
  }

  get device(): DeviceStatus | undefined {
    return this.#options.servable.device;
  }

  get memoryBytes(): number | undefined {
    return this.#options.servable.memoryBytes;
  }

  get waiting(): WaitingRequests {
    return this.#options.queue.waiting;
  }

  drain(): void {
    this.#options.queue.drain();
  }

  /** What is in a batch that waits rejects at once, what runs as the servable ends it. The first reason given stands. */
  abandon(reason: ServingError): void {
    this.#abandoned ??= reason;
    const { servable, queue } = this.#options;
    queue.abandon(this.#abandoned);
    servable.abandon?.(this.#abandoned);
  }

  /** Finishes what it has taken in, takes nothing more, and unloads. */
  async unload(): Promise<void> {
    const { servable, queue, onUnload } = this.#options;
    await queue.close();
    await servable.unload();
    await onUnload();
  }

  #run(request: RunRequest): Promise<TensorMap> {
    const { servable, queue, policy, maxRows, isSplitting, unbatched } = this.#options;
    const rows = commonRowCount(request.inputs);
    if (!rows || isAmong(unbatched, request.signature) || givesOptional(request))
      return servable.run(request);
    if (rows <= (isSplitting ? policy.maxRows : maxRows)) return queue.add(request, rows);
    if (!isSplitting) throw tooLarge(this.id, rows, maxRows);
    return this.#runPieces(request, rows);
  }

  /** The first piece that fails ends the others. */
  async #runPieces(request: RunRequest, rows: number): Promise<TensorMap> {
    const abort = new Cancellation();
    const { signal } = request;
    const onAbort = () => abort.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort);
    try {
      const { queue, observer } = this.#options;
      const pieces = queue.addPieces({ ...request, signal: abort }, rows);
      const split = { id: this.id, rows, pieces: pieces.length };
      notify((told: RequestSplit) => observer?.onSplit?.(told), split);
      return joinPieces(request.outputs, await Promise.all(pieces));
    } finally {
      signal?.removeEventListener('abort', onAbort);
      abort.abort();
    }
  }
}

/** True for a signature that is in the set, and for one of which a part is. */
function isAmong(signatures: ReadonlySet<Signature>, signature: Signature): boolean {
  return signatures.has(signature) || (signature.parts?.some((part) => isAmong(signatures, part)) ?? false);
}

/** True where a value stands for all rows: what the model has a default for is a part of it, not of its rows. */
function givesOptional({ signature, inputs }: RunRequest): boolean {
  for (const alias in inputs) if (signature.inputs[alias]?.isOptional) return true;
  return false;
}

/** The answer to a request, of the answers to its pieces. */
function joinPieces(aliases: readonly string[], pieces: readonly TensorMap[]): TensorMap {
  const joined: Record<string, Tensor> = {};
  for (const alias of aliases) {
    const parts = pieces.map((piece) => piece[alias] as Tensor);
    try {
      putTensor(joined, alias, concatRows(parts));
    } catch (cause) {
      throw new ServingError(
        'FAILED_PRECONDITION',
        `Cannot put output "${alias}" together: its shape depends on the batch`,
        {
          output: alias,
          actual: `shapes ${parts.map(({ shape }) => `[${shape}]`).join(', ')}`,
          expected: 'the same for all pieces of the request, but for axis 0',
          cause,
        },
      );
    }
  }
  return joined;
}
