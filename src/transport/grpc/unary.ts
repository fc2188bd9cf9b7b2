// Hot path: once for each call. Guarded by bench/transport/grpc/predict.mjs.
import type { handleUnaryCall } from '@grpc/grpc-js';
import { ServingError } from '../../core/errors.js';
import type { ByteBudget } from '../byte-budget.js';
import { grpcStatusOf } from '../status.js';
import type { Method } from '../tfs/method.js';

/**
 * A method as grpc-js calls it. The client's deadline and its going away end the work for it.
 *
 * Undecodable bytes are INVALID_ARGUMENT, of the method's own; grpc-js would say INTERNAL.
 */
export function unary(method: Method, budget: ByteBudget): handleUnaryCall<Uint8Array, Uint8Array> {
  return (call, callback) => {
    const abort = new AbortController();
    const hold = budget.hold();
    let isAnswered = false;
    let isClosed = false;
    // grpc-js says so of every call when its stream is closed, of those too that were answered.
    call.once('cancelled', () => {
      isClosed = true;
      if (isAnswered) hold.release();
      else abort.abort();
    });
    const fail = (error: unknown) => {
      isAnswered = true;
      hold.release();
      callback(grpcStatusOf(error));
    };
    const timeoutMs = Number(call.getDeadline()) - Date.now();
    if (timeoutMs <= 0) return fail(new ServingError('DEADLINE_EXCEEDED', 'Deadline exceeded'));
    const patience = { timeoutMs, signal: abort.signal, controller: abort };
    method(call.request, { patience, takeBytes: hold.take })
      .then((bytes) => {
        hold.release(); // what the request held; its answer is held until it is sent
        if (!isClosed) hold.take(bytes.length);
        isAnswered = true;
        callback(null, bytes);
      })
      .catch(fail);
  };
}
