// Hot path: once for each request over a wire. Guarded by bench/transport/grpc/predict.mjs.
import type { StatusCode } from '../core/errors.js';
import { type Entrypoint, type HeaderReader, WireRecord, type WireWatch } from '../core/request-records.js';

/** A request that a server's watch is told of. */
export function arrived(
  { clock }: WireWatch,
  entrypoint: Entrypoint,
  api: string,
  header: HeaderReader,
): WireRecord {
  const record = new WireRecord(entrypoint, api, header, clock.now());
  record.traceId = recordedTrace(header('traceparent'));
  return record;
}

/** Tells that it has been answered. */
export function answered(watch: WireWatch, record: WireRecord, status: StatusCode | 'OK'): void {
  record.status = status;
  record.endedMs = watch.clock.now();
  watch.observer.onWireAnswer(record);
  record.release();
}

/**
 * The trace that a client's header names, where the client says that it is recorded: else nobody could look it up. Source:
 * W3C Trace Context, 3.2: `00-<32 digits>-<16 digits>-<flags, 2 digits>`, all hexadecimal, with small letters.
 */
function recordedTrace(traceparent: string | undefined): string | undefined {
  if (traceparent === undefined || !isRecorded(traceparent)) return undefined;
  const traceId = traceparent.slice(3, 35);
  return /^[0-9a-f]{32}$/.test(traceId) ? traceId : undefined;
}

/** The lowest bit of the flags. */
function isRecorded(traceparent: string): boolean {
  return traceparent[35] === '-' && traceparent[52] === '-' && '13579bdf'.includes(traceparent[54] ?? '-');
}
