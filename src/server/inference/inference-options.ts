import type { PredictOptions } from '../../routing/prediction.js';

/** How one request with examples is to be answered: `timeoutMs`, `signal` and `priority` as for `predict`. */
export type InferenceOptions = Omit<PredictOptions, 'outputs'>;
