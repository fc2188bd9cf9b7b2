// Hot path: once for each request. Guarded by bench/predict-overhead.mjs.
import type { Clock } from '../core/clock.js';
import type { ModelSpec } from '../core/model-spec.js';
import type { Servable } from '../core/servable.js';
import type { RequestLogs } from '../request-log/request-logs.js';
import { type Patience, withPatience } from '../routing/deadline.js';
import { withLease } from '../routing/lease.js';
import type { Resolver } from '../routing/resolver.js';

/** How long a request may take, and what else takes part in it. */
export interface Terms {
  readonly signal: AbortSignal | undefined;
  readonly deadlineMs: number | undefined;
  readonly logs: RequestLogs;
  readonly resolver: Resolver;
}

/** Lends a request the servable that its spec means, for as long as its caller has patience. */
export type Ask = <T>(
  spec: ModelSpec,
  patience: Patience,
  use: (servable: Servable, terms: Terms) => Promise<T>,
) => Promise<T>;

/** @param open the parts of a server; throws where it takes no requests. */
export function askOf(clock: Clock, open: () => Pick<Terms, 'logs' | 'resolver'>): Ask {
  return (spec, patience, use) =>
    withPatience(clock, patience, (signal, deadlineMs) => {
      const { resolver, logs } = open();
      const terms = { signal, deadlineMs, logs, resolver };
      return withLease(resolver.acquire(spec), (servable) => use(servable, terms));
    });
}
