// Hot path: once for each request over a wire. Guarded by bench/transport/grpc/predict.mjs.
import type { StatusCode } from '../core/errors.js';
import { type WireArrival, WireRecord, type WireWatch } from '../core/request-records.js';

/** A request that a server's watch is told of. */
export function arrived(watch: WireWatch, arrival: Omit<WireArrival, 'startedMs'>): WireRecord {
  const record = new WireRecord({ ...arrival, startedMs: watch.clock.now() });
  record.traceId = recordedTrace(record.header('traceparent'));
  return record;
}

/** Tells that it has been answered. */
export function answered(watch: WireWatch, record: WireRecord, status: StatusCode | 'OK'): void {
  record.status = status;
  record.endedMs = watch.clock.now();
  watch.observer.onWireAnswer(record);
}

/**
 * The trace that a client's header names, where the client says that it is recorded: else nobody could look it up. Source:
 * W3C Trace Context, 3.2.
 */
function recordedTrace(traceparent: string | undefined): string | undefined {
  if (traceparent === undefined) return undefined;
  const [, traceId, flags = ''] =
    /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})/.exec(traceparent) ?? [];
  return Number.parseInt(flags, 16) & 1 ? traceId : undefined;
}
