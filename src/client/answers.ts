import type { ServingError } from '../core/errors.js';
import type { ModelSpec } from '../core/model-spec.js';
import type { Signature } from '../core/signature.js';
import type { TensorMap } from '../core/tensor.js';

/** The version that gave an answer. */
export interface AnsweringVersion {
  /** As the request named it. */
  readonly model: string;
  /**
   * Undefined where the server does not tell: TensorFlow Serving over REST, of a request that names no version. Over gRPC
   * every server tells, and `servable` does over REST, too.
   */
  readonly version: number | undefined;
}

/** An answer to `predict`, and which version gave it. */
export interface Prediction {
  /** The version that answered. */
  readonly id: AnsweringVersion;
  /** By alias. The caller's own. */
  readonly outputs: TensorMap;
}

/** A class, and how much a model says for it. */
export interface ScoredClass {
  /** Empty where the model says only which place it has. */
  readonly label: string;
  /** 0 where the model has no scores. A float32. */
  readonly score: number;
}

/** What `classify` answers: the classes of each example, in the order of the examples. */
export interface Classification {
  /** The version that answered. */
  readonly id: AnsweringVersion;
  /** The signature's name: `serving_default` where the request named none. */
  readonly signature: string;
  /** For each example, in their order, its classes with their scores. */
  readonly results: readonly (readonly ScoredClass[])[];
}

/** What `regress` answers: a float32 for each example, in their order. */
export interface Regression {
  /** The version that answered. */
  readonly id: AnsweringVersion;
  /** The signature's name: `serving_default` where the request named none. */
  readonly signature: string;
  /** One for each example, in their order. */
  readonly values: readonly number[];
}

/** One of the questions of a `multiInference`. */
export interface InferenceTask {
  /** All tasks name the same model, each a signature of its own. */
  readonly spec: ModelSpec | string;
  /** The answer is of that kind. */
  readonly method: 'classify' | 'regress';
}

/** What one task is answered: as `classify` and `regress` answer. */
export type InferenceResult =
  | {
      readonly signature: string;
      readonly method: 'classify';
      readonly results: Classification['results'];
    }
  | { readonly signature: string; readonly method: 'regress'; readonly values: readonly number[] };

/** What `multiInference` answers, in the order of the tasks. */
export interface MultiInference {
  /** The version that answered all tasks. */
  readonly id: AnsweringVersion;
  /** One for each task, in their order. */
  readonly results: readonly InferenceResult[];
}

/** Where a version stands. UNKNOWN is what the client has no word for. */
export type VersionState = 'UNKNOWN' | 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END';

/** What is told of one version. */
export interface VersionStatus {
  /** Which version it is. */
  readonly id: { readonly model: string; readonly version: number };
  /** Where in its life it is, in the words of the wire. */
  readonly state: VersionState;
  /** Why it ended, where it did with an error. */
  readonly error?: ServingError;
}

/** What a version can be asked. */
export interface VersionMetadata {
  /** The version that says it. */
  readonly id: AnsweringVersion;
  /**
   * By name. Axes have their sizes, or null where they are open: names of axes, defaults of inputs and labels of classes do
   * not travel.
   */
  readonly signatures: ReadonlyMap<string, Signature>;
}

/** A model that a server is told to serve by `reloadConfig`. */
export interface ReloadedModel {
  /** What requests are to call it. */
  readonly name: string;
  /** An absolute path, or a URI, as the server sees it. */
  readonly basePath: string;
  /** @default { latest: 1 } */
  readonly versionPolicy?: { readonly latest: number } | { readonly specific: readonly number[] } | 'all';
  /** Versions by label. TensorFlow Serving takes labels of versions that are loaded already, and no others. */
  readonly labels?: Readonly<Record<string, number>>;
  /** What the server calls the kind of the model. @default 'tensorflow', which `servable` takes as well */
  readonly platform?: string;
}

/** How much the counters that a reload asked about have risen meanwhile, by name. */
export type CounterIncreases = ReadonlyMap<string, number>;
