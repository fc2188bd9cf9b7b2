import { invalidArgument } from '../../core/errors.js';
import type { ModelSpec } from '../../core/model-spec.js';
import type { MethodParts } from './method.js';
import { signatureName } from './model-spec.js';

const kinds = { classify: 'classification', regress: 'regression' } as const;

/**
 * Passes if the signature that a request means is made for this call, or if that does not matter. A signature that there is
 * not is for the call itself to refuse.
 *
 * @throws ServingError INVALID_ARGUMENT in TF Serving's words (servables/tensorflow/{classifier,regressor}.cc).
 */
export function checkMethod(
  { server, isMethodChecked }: MethodParts,
  spec: ModelSpec,
  method: 'classify' | 'regress',
): void {
  if (!isMethodChecked) return;
  const actual = server.metadata(spec).signatures.get(signatureName(spec))?.method;
  if (actual === undefined || actual === method) return;
  throw invalidArgument(
    `Expected ${kinds[method]} signature method_name to be tensorflow/serving/${method}. Was: tensorflow/serving/${actual}`,
  );
}
