// Hot path: once for each request. Guarded by bench/predict-overhead.mjs.
import type { CancelSignal } from '../core/cancellation.js';
import type { Clock } from '../core/clock.js';
import { ServingError } from '../core/errors.js';
import { type ModelSpec, toModelSpec } from '../core/model-spec.js';
import { type Patience, withPatience } from '../core/patience.js';
import { type RequestMethod, type RequestObserver, RequestRecord } from '../core/request-records.js';
import type { Servable } from '../core/servable.js';
import type { Trace } from '../core/trace.js';
import type { RequestLogs } from '../request-log/request-logs.js';
import { withLease } from '../routing/lease.js';
import type { Resolver } from '../routing/resolver.js';

/** How long a request may take, and what else takes part in it. */
export interface Terms {
  readonly signal: CancelSignal | undefined;
  readonly deadlineMs: number | undefined;
  readonly logs: RequestLogs;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly record: RequestRecord;
}

/** Lends a request the servable that its spec means, for as long as its caller has patience. */
export type Ask = <T>(
  method: RequestMethod,
  spec: ModelSpec | string,
  patience: Patience,
  use: (servable: Servable, wanted: ModelSpec, terms: Terms) => Promise<T>,
) => Promise<T>;

export interface AskParts {
  readonly clock: Clock;
  /** The parts of a server; throws where it takes no requests. */
  readonly open: () => Pick<Terms, 'logs' | 'resolver'>;
  readonly observer: RequestObserver;
  readonly trace: Trace<RequestRecord>;
}

export function askOf({ clock, open, observer, trace }: AskParts): Ask {
  return async (method, spec, patience, use) => {
    const wanted = toModelSpec(spec);
    const record = new RequestRecord(method, wanted, clock.now(), patience.wire);
    const work = () =>
      withPatience(clock, patience, (signal, deadlineMs) => {
        const { resolver, logs } = open();
        const terms: Terms = { signal, deadlineMs, logs, resolver, clock, record };
        return withLease(resolver.acquire(wanted), (servable) => {
          record.id = servable.id;
          return use(servable, wanted, terms);
        });
      });
    try {
      return await (trace.isOn ? trace.follow(record, work) : work());
    } catch (error) {
      record.error = ServingError.from(error);
      throw error;
    } finally {
      record.endedMs = clock.now();
      observer.onAnswer(record);
    }
  };
}
