// Hot path: once for each call. Guarded by bench/transport/grpc/predict.mjs.

import type { handleUnaryCall } from '@grpc/grpc-js';
import { Cancellation } from '../../core/cancellation.js';
import { ServingError } from '../../core/errors.js';
import type { WireWatch } from '../../core/request-records.js';
import type { ByteBudget } from '../byte-budget.js';
import { grpcStatusOf } from '../status.js';
import type { Method } from '../tfs/method.js';
import { answered, arrived } from '../watched-request.js';

export interface UnaryParts {
  readonly budget: ByteBudget;
  /** The method's name, for those who look. */
  readonly api?: string;
  /** @default nobody looks */
  readonly watch?: WireWatch | undefined;
}

/**
 * A method as grpc-js calls it. The client's deadline and its going away end the work for it.
 *
 * Undecodable bytes are INVALID_ARGUMENT, of the method's own; grpc-js would say INTERNAL.
 */
export function unary(
  method: Method,
  { budget, api = '', watch }: UnaryParts,
): handleUnaryCall<Uint8Array, Uint8Array> {
  return (call, callback) => {
    const header = (name: string) => call.metadata.get(name)[0]?.toString();
    const wire = watch && arrived(watch, 'GRPC', api, header);
    const abort = new Cancellation();
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
      if (wire !== undefined) answered(watch as WireWatch, wire, ServingError.from(error).code);
      callback(grpcStatusOf(error));
    };
    const timeoutMs = Number(call.getDeadline()) - Date.now();
    if (timeoutMs <= 0) return fail(new ServingError('DEADLINE_EXCEEDED', 'Deadline exceeded'));
    const patience = { timeoutMs, signal: abort, controller: abort, wire };
    const work = () => method(call.request, { patience, takeBytes: hold.take });
    (wire !== undefined && watch?.trace.isOn ? watch.trace.follow(wire, work) : work())
      .then((bytes) => {
        hold.release(); // what the request held; its answer is held until it is sent
        if (!isClosed) hold.take(bytes.length);
        isAnswered = true;
        if (wire !== undefined) answered(watch as WireWatch, wire, 'OK');
        callback(null, bytes);
      })
      .catch(fail);
  };
}
