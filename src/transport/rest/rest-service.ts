import type { Call, MethodParts } from '../tfs/method.js';
import { restList, restMetadata, restReady, restStatus } from './describe-models.js';
import { restClassify, restRegress } from './examples.js';
import { restPredict } from './predict.js';
import type { RestAnswer } from './rest-answer.js';
import type { RestRoute } from './route.js';

/**
 * Answers what a path asks for.
 *
 * @param bytes the body, where the route has one.
 * @throws ServingError for what `errorAnswer` is to tell.
 */
export function answerRoute(
  parts: MethodParts,
  route: RestRoute,
  bytes: Uint8Array,
  call: Call,
): RestAnswer | Promise<RestAnswer> {
  switch (route.kind) {
    case 'predict':
      return restPredict(parts.server, route.target, bytes, call);
    case 'classify':
      return restClassify(parts, route.target, bytes, call);
    case 'regress':
      return restRegress(parts, route.target, bytes, call);
    case 'status':
      return restStatus(parts.server, route.target);
    case 'metadata':
      return restMetadata(parts.server, route.target);
    case 'ready':
      return restReady(parts.server, route.target);
    case 'list':
      return restList(parts.server);
    default:
      return route satisfies never;
  }
}
