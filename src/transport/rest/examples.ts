import { encodeClassifications, encodeRegressions } from '../../json/encode-results.js';
import { decodeExamplesBody } from '../../json/examples-body.js';
import { checkMethod } from '../tfs/check-method.js';
import type { Call, MethodParts } from '../tfs/method.js';
import { answered, type RestAnswer } from './rest-answer.js';
import type { RestTarget } from './route.js';

/** Classify. Source: TF Serving, model_servers/http_rest_api_handler.cc, `ProcessClassifyRequest`. */
export async function restClassify(
  parts: MethodParts,
  target: RestTarget,
  bytes: Uint8Array,
  call: Call,
): Promise<RestAnswer> {
  const { spec, examples } = read(parts, target, bytes, { call, method: 'classify' });
  const { id, results } = await parts.server.classify(spec, examples, call.patience);
  return answered(encodeClassifications(results), id);
}

/** Regress. Source: TF Serving, model_servers/http_rest_api_handler.cc, `ProcessRegressRequest`. */
export async function restRegress(
  parts: MethodParts,
  target: RestTarget,
  bytes: Uint8Array,
  call: Call,
): Promise<RestAnswer> {
  const { spec, examples } = read(parts, target, bytes, { call, method: 'regress' });
  const { id, values } = await parts.server.regress(spec, examples, call.patience);
  return answered(encodeRegressions(values), id);
}

function read(
  parts: MethodParts,
  target: RestTarget,
  bytes: Uint8Array,
  { call, method }: { readonly call: Call; readonly method: 'classify' | 'regress' },
) {
  const { signature, examples } = decodeExamplesBody(bytes, call.takeBytes);
  const spec = signature ? { ...target, signature } : target;
  checkMethod(parts, spec, method);
  return { spec, examples };
}
