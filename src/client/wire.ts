import type { CancelSignal } from '../core/cancellation.js';
import type { Example } from '../core/example.js';
import type { ModelSpec } from '../core/model-spec.js';
import type { TensorMap } from '../core/tensor.js';
import type {
  Classification,
  CounterIncreases,
  InferenceTask,
  MultiInference,
  Prediction,
  Regression,
  ReloadedModel,
  VersionMetadata,
  VersionStatus,
} from './answers.js';

/** What there is for one attempt to get an answer. */
export interface Attempt {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: CancelSignal | undefined;
  /** Milliseconds that are left for it; infinity where there is no limit. */
  readonly timeoutMs: number;
}

/** A request that is encoded already, and may be sent as often as it takes. */
export type Question<T> = (attempt: Attempt) => Promise<T>;

/** A task with its spec in full. */
export interface WireTask extends InferenceTask {
  readonly spec: ModelSpec;
}

/**
 * One of the ways to a server. Every method encodes its request before it returns, and throws where that cannot be done;
 * questions reject with a ServingError, and with nothing else.
 */
export interface Wire {
  predict(spec: ModelSpec, inputs: TensorMap, outputs: readonly string[] | undefined): Question<Prediction>;
  classify(spec: ModelSpec, examples: readonly Example[]): Question<Classification>;
  regress(spec: ModelSpec, examples: readonly Example[]): Question<Regression>;
  multiInference(tasks: readonly WireTask[], examples: readonly Example[]): Question<MultiInference>;
  /** Highest version first. A label is not looked at. */
  status(spec: ModelSpec): Question<readonly VersionStatus[]>;
  metadata(spec: ModelSpec): Question<VersionMetadata>;
  reloadConfig(models: readonly ReloadedModel[], counters: readonly string[]): Question<CounterIncreases>;
  /** What the server says of its own health, or of a model's; undefined where it does not say. */
  health(model: string | undefined): Question<boolean | undefined>;
  /** Ends what is under way, and every connection, at once. */
  close(): void;
}
