import type { ModelSpec } from '../../core/model-spec.js';
import type { ServableId } from '../../core/servable-id.js';
import type { ClassifiedExamples } from './classification.js';

/** One of the questions of a `multiInference`. */
export interface InferenceTask {
  /**
   * The first task's says which model and version answers all of them; the others name the same model, each a signature of
   * its own, and no version or label, or one that means the same version.
   */
  readonly spec: ModelSpec | string;
  /** `classify` or `regress`; the answer is of that kind. */
  readonly method: 'classify' | 'regress';
}

/** The questions of a `multiInference`: one at least, no signature twice. */
export type InferenceTasks = readonly InferenceTask[];

/** What one task is answered: as `classify` and `regress` answer. */
export type InferenceResult =
  | { readonly signature: string; readonly method: 'classify'; readonly results: ClassifiedExamples }
  | { readonly signature: string; readonly method: 'regress'; readonly values: readonly number[] };

/**
 * What `multiInference` answers, and by which version.
 *
 * InferenceTasks whose signatures have the same inputs under the same aliases share one run; TF Serving refuses others, which are
 * run one after the other here. TF Serving overlooks the versions of all tasks but the first (its issue 1254); here they
 * must mean the same one. Source: servables/tensorflow/multi_inference.cc, as are the errors' texts.
 */
export interface MultiInference {
  /** The version that answered all tasks. */
  readonly id: ServableId;
  /** In the order of the tasks. */
  readonly results: readonly InferenceResult[];
}
