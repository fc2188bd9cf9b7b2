import type { CancelSignal } from './cancellation.js';
import type { ServingError } from './errors.js';
import type { RunOrigin } from './run-origin.js';
import type { ServableId } from './servable-id.js';
import type { Signature } from './signature.js';
import type { TensorMap } from './tensor.js';

/** A request to a loaded version, already checked against its signature. */
export interface RunRequest {
  /** One of those of the servable, itself: it is compared by identity. */
  readonly signature: Signature;
  /** By alias. The runner has read every byte of them when `run` returns; the caller may then reuse the arrays. */
  readonly inputs: TensorMap;
  /** Aliases of the outputs to compute; never empty unless the signature has none. */
  readonly outputs: readonly string[];
  /** Aborted: the run is stopped as soon as the engine can, and `run` rejects with CANCELLED. */
  readonly signal?: CancelSignal | undefined;
  /** Which waits behind which: an integer, higher goes first. Where nothing queues, it means nothing. @default 0 */
  readonly priority?: number | undefined;
  /** A moment on the clock (`Clock.now`) from which on nobody wants the answer: a run is not begun after it. */
  readonly deadlineMs?: number | undefined;
  /**
   * True: the arrays of the inputs become the runner's, which may move them to a thread; they are then empty. Saves a
   * copy of what nobody else has.
   *
   * @default false
   */
  readonly givesInputs?: boolean;
  /** Who is told how long the wait and the run took. */
  readonly origin?: RunOrigin | undefined;
}

/** What waits for company, or for a thread. */
export interface WaitingRequests {
  /** Requests, or pieces of large ones. */
  readonly requests: number;
  /** Rows of them together. */
  readonly rows: number;
  /** Batches that they are in, open and closed. */
  readonly batches: number;
}

/** Whether requests to a version share runs, where that was asked for. */
export interface BatchingStatus {
  /** True where the requests to at least one signature share runs. */
  readonly isOn: boolean;
  /** Why not, or not in full: what was seen to go wrong with rows that were run together. */
  readonly reason?: string;
}

/** Where a version runs. */
export interface DeviceStatus {
  /** `cpu`, `cuda:0`; several where it has a session on each. */
  readonly devices: readonly string[];
  /** Why it runs on the CPU, where another device was asked for. */
  readonly fallback?: string;
  /**
   * How many operators each execution provider runs, as far as onnxruntime tells: of one that changes the layout of tensors
   * (WebGPU) it leaves some out. Those of `cpu` are those that the device has not: each takes its tensors there and back.
   * Absent for a version that runs on the CPU.
   */
  readonly nodes?: Readonly<Record<string, number>>;
}

/** A version whose requests do not share runs, or not all of them, although that was asked for. */
export interface UnbatchedReport {
  /** Which version it is. */
  readonly id: ServableId;
  /** What was seen to go wrong with rows that were run together. */
  readonly reason: string;
}

/** What a model file says of itself. Absent facts are empty strings, an empty record, or 0. */
export interface ModelMetadata {
  /** The program that wrote the file. */
  readonly producer: string;
  /** The name of its graph. */
  readonly graph: string;
  /** What its author wrote of it. */
  readonly description: string;
  /** The model's name space, in reverse-DNS notation. */
  readonly domain: string;
  /** The author's own number, which need not be the directory's. */
  readonly modelVersion: bigint;
  /** The metadata map of the file. */
  readonly custom: Readonly<Record<string, string>>;
}

/**
 * A loaded version: where the control path and the request path meet. Whoever holds a lease on it may run it;
 * it is unloaded when no lease is left.
 */
export interface Servable {
  /** Which version of which model it is. */
  readonly id: ServableId;
  /** What its file says of itself. */
  readonly metadata: ModelMetadata;
  /** By name; always holds `serving_default`. */
  readonly signatures: ReadonlyMap<string, Signature>;
  /** Absent where batching was not asked for. */
  readonly batching?: BatchingStatus;
  /** Absent where an engine does not tell. */
  readonly device?: DeviceStatus | undefined;
  /**
   * Computes the outputs asked for, by alias. The tensors are the caller's own.
   *
   * @throws ServingError CANCELLED when the signal is aborted; INVALID_ARGUMENT when the engine refuses the inputs;
   *   UNAVAILABLE when the thread that ran it died or a queue is full; RESOURCE_EXHAUSTED when memory ran out;
   *   DEADLINE_EXCEEDED where the deadline passed before the run began; INTERNAL otherwise.
   */
  run(request: RunRequest): Promise<TensorMap>;
  /** As `run`, on each of its devices, for warm-ups; absent where there is one device only, or nobody can tell. */
  runEverywhere?(request: RunRequest): Promise<void>;
  /** Bytes that it holds while it is loaded, as far as that can be measured; absent where it cannot. */
  readonly memoryBytes?: number | undefined;
  /** What waits in its batches, as of now; absent where requests do not share runs. */
  readonly waiting?: WaitingRequests | undefined;
  /** Says that no request comes any more: what waits for company goes at once. */
  drain?(): void;
  /**
   * Ends all that is accepted and not answered: what waits rejects with `reason` at once, what runs is stopped and rejects
   * with it then. What comes afterwards is treated alike.
   */
  abandon?(reason: ServingError): void;
  /** Gives everything back. The caller has made sure that no run is in flight. Never rejects. */
  unload(): Promise<void>;
}

/** Turns a version directory into a servable. */
export interface Loader {
  /**
   * Loads what lies in `path`. A load whose signal is aborted rejects with CANCELLED, and leaves nothing behind.
   *
   * @throws ServingError with the engine's reason where the version cannot be loaded.
   */
  load(id: ServableId, path: string, signal?: AbortSignal): Promise<Servable>;
  /**
   * Bytes that the version in `path` will hold, as a guess made before it is loaded; absent where the loader has none.
   *
   * @throws ServingError as `load` does where it cannot be told.
   */
  estimate?(id: ServableId, path: string, signal?: AbortSignal): Promise<number>;
}
