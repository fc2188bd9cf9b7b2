import type { TensorMap } from '../core/tensor.js';

/** Rows in a list, or whole tensors: the answer has the request's form. */
export type PredictForm = 'row' | 'columnar';

/** The inputs of a request, and the form that they came in. */
export interface DecodedInputs {
  readonly form: PredictForm;
  readonly inputs: TensorMap;
}
