import type { ModelServerConfig } from '../config/configured-model.js';
import type { Cancellation, CancelSignal } from '../core/cancellation.js';
import type { ServingError } from '../core/errors.js';
import type { Example } from '../core/example.js';
import type { MetricsPrinter } from '../core/metrics-source.js';
import type { ModelSpec } from '../core/model-spec.js';
import type { WireRecord, WireWatch } from '../core/request-records.js';
import type { ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import type { TensorMap } from '../core/tensor.js';

/** How long a client waits for its answer. */
export interface ClientPatience {
  /** Milliseconds, more than 0; absent where it sets no deadline. */
  readonly timeoutMs?: number;
  /** Aborted when it has gone, or has cancelled its call. */
  readonly signal?: CancelSignal;
  /** The same, where the call has it for itself: then the server may abort it as well, when its time is over. */
  readonly controller?: Cancellation | undefined;
  /** What it came by. */
  readonly wire?: WireRecord | undefined;
}

/** A class of an example, and how likely it is. */
export interface ClassScore {
  readonly label: string;
  readonly score: number;
}

/** One of several questions. */
export interface InferenceTask {
  readonly spec: ModelSpec;
  readonly method: 'classify' | 'regress';
}

/** What one task of several was answered. */
export type TaskResult =
  | {
      readonly method: 'classify';
      readonly signature: string;
      readonly results: readonly (readonly ClassScore[])[];
    }
  | { readonly method: 'regress'; readonly signature: string; readonly values: ArrayLike<number> };

/** Where a version stands, as far as clients are told. */
export interface VersionStatus {
  readonly id: ServableId;
  readonly state: 'START' | 'LOADING' | 'AVAILABLE' | 'DRAINING' | 'UNLOADING' | 'END';
  readonly error?: ServingError;
}

/** What is told of changes that a client may have asked to hear of. */
export type ServingEvent = 'state' | 'models' | 'started' | 'closing';

/**
 * What the wires need of a server: a `ModelServer` has it. Every call throws, or rejects with, a ServingError and nothing
 * else.
 */
export interface ServingApi {
  /** @see ModelServer.predict */
  predict(
    spec: ModelSpec,
    inputs: (signature: Signature, id: ServableId) => TensorMap,
    options: ClientPatience & { readonly outputs?: readonly string[] },
  ): Promise<{ readonly id: ServableId; readonly outputs: TensorMap }>;
  /** @see ModelServer.classify */
  classify(
    spec: ModelSpec,
    examples: readonly Example[],
    options: ClientPatience,
  ): Promise<{
    readonly id: ServableId;
    readonly signature: string;
    readonly results: readonly (readonly ClassScore[])[];
  }>;
  /** @see ModelServer.regress */
  regress(
    spec: ModelSpec,
    examples: readonly Example[],
    options: ClientPatience,
  ): Promise<{ readonly id: ServableId; readonly signature: string; readonly values: ArrayLike<number> }>;
  /** @see ModelServer.multiInference */
  multiInference(
    tasks: readonly InferenceTask[],
    examples: readonly Example[],
    options: ClientPatience,
  ): Promise<{ readonly id: ServableId; readonly results: readonly TaskResult[] }>;
  /** What the version that a spec means can be asked. */
  metadata(spec: ModelSpec): {
    readonly id: ServableId;
    readonly signatures: ReadonlyMap<string, Signature>;
  };
  /** Highest version first; empty for a model that is not known. */
  status(model: string): readonly VersionStatus[];
  /** @see ModelServer.listModels */
  listModels(): readonly { readonly name: string; readonly isReady: boolean }[];
  /** @see ModelServer.isReady */
  isReady(): boolean;
  /** @see ModelServer.reloadConfig */
  reloadConfig(config: ModelServerConfig): Promise<void>;
  /** What it measures; absent where it measures nothing. */
  readonly metrics?: MetricsPrinter & {
    /** A counter's value, all series together, by TensorFlow's name (`/tensorflow/serving/request_count`) or its own. */
    total(name: string): number;
  };
  /** Who looks at the requests that come over wires. */
  readonly wires?: WireWatch;
  /** Tells the listener when what is served has changed. */
  on(event: ServingEvent, listener: () => void): unknown;
  /** Takes a listener away. */
  off(event: ServingEvent, listener: () => void): unknown;
}
