import type { RequestObserver, RequestRecord, WireObserver, WireRecord } from '../core/request-records.js';
import { inMillis } from './event-log.js';
import type { Logger } from './logger.js';

/** Where the time of a request went, in milliseconds. */
export interface RequestStages {
  /** Until all of it was there; of requests over a wire. */
  readonly receiveMs: number;
  /** From then on until the model was asked: it was decoded and checked. */
  readonly prepareMs: number;
  /** Until a thread had it, for company and for the thread. */
  readonly queueMs: number;
  /** The run of the model that answered it. */
  readonly runMs: number;
  /** The rest: its rows were taken out of the batch, and the answer was encoded. */
  readonly answerMs: number;
}

/** Writes down requests that took long, with where the time went. */
export class SlowRequestLog implements RequestObserver, WireObserver {
  readonly #logger: Logger;
  readonly #thresholdMs: number;

  constructor(logger: Logger, thresholdMs: number) {
    this.#logger = logger;
    this.#thresholdMs = thresholdMs;
  }

  /** What came over a wire is told when its answer is ready to be sent. */
  onAnswer(record: RequestRecord): void {
    const totalMs = record.endedMs - record.startedMs;
    if (record.wire === undefined && totalMs >= this.#thresholdMs) this.#write(record, undefined, totalMs);
  }

  onWireAnswer(record: WireRecord): void {
    const totalMs = record.endedMs - record.startedMs;
    if (totalMs >= this.#thresholdMs) this.#write(record.request, record, totalMs);
  }

  #write(request: RequestRecord | undefined, wire: WireRecord | undefined, totalMs: number): void {
    const model = request?.spec.model ?? wire?.model;
    const fields = {
      event: 'slow request',
      model,
      version: request?.id?.version,
      method: request?.method ?? wire?.api,
      entrypoint: wire?.entrypoint ?? 'in-process',
      code: wire?.status ?? request?.error?.code ?? 'OK',
      rows: request?.rows,
      durationMs: inMillis(totalMs),
      stages: stagesOf(request, wire, totalMs),
      traceId: request?.traceId ?? wire?.traceId,
    };
    this.#logger.warn(fields, `A request to ${model || 'no model'} took ${Math.round(totalMs)} ms`);
  }
}

/** @param wire what the request came by. */
export function stagesOf(
  request: RequestRecord | undefined,
  wire: WireRecord | undefined,
  totalMs: number,
): RequestStages {
  const startedMs = (wire ?? request)?.startedMs ?? 0;
  const readMs = wire?.readMs ?? startedMs;
  const handedOverMs = request?.handedOverMs;
  const receiveMs = readMs - startedMs;
  if (request === undefined || handedOverMs === undefined) {
    return rounded({ receiveMs, prepareMs: totalMs - receiveMs, queueMs: 0, runMs: 0, answerMs: 0 });
  }
  const [prepareMs, queueMs, runMs] = [
    handedOverMs - readMs,
    request.queueMicros / 1000,
    request.runMicros / 1000,
  ];
  const answerMs = Math.max(0, totalMs - receiveMs - prepareMs - queueMs - runMs);
  return rounded({ receiveMs, prepareMs, queueMs, runMs, answerMs });
}

function rounded(stages: RequestStages): RequestStages {
  const entries = Object.entries(stages).map(([name, ms]) => [name, inMillis(ms as number)]);
  return Object.fromEntries(entries);
}
