import { type Clock, systemClock } from '../../core/clock.js';
import type { ServingError } from '../../core/errors.js';
import {
  assertKeys,
  assertNumber,
  assertObject,
  assertOneOf,
  assertString,
  optionError,
} from '../../core/option-check.js';
import type { TlsOptions } from '../tls/tls-options.js';

/** What prints metrics: a `Registry` of prom-client, of its successor, or of a host's own making. */
export interface MetricsSource {
  /** The value of `content-type`. */
  readonly contentType: string;
  metrics(): string | Promise<string>;
}

/** How TF Serving's API is served over HTTP. */
export interface HttpHandlerOptions {
  /**
   * Bytes that the body of a request may have, as it comes and when it is inflated; a longer one is answered with 413.
   *
   * @default 67108864, 64 MiB, as Triton; TF Serving has no limit but one of 100 MiB for what is inflated
   */
  readonly maxBodyBytes?: number;
  /**
   * Bytes that all requests under way may hold together: their bodies, what these become, then the answers until they are
   * sent. The first 64 KiB of each are not counted. One that would go beyond is answered with 429.
   *
   * @default 1073741824, 1 GiB
   */
  readonly maxInFlightBytes?: number;
  /**
   * Milliseconds that the answer to a request may take from when its body is there; then it is answered with 504.
   *
   * @default 30000, TF Serving's `--rest_api_timeout_in_ms`; infinity sets no limit
   */
  readonly timeoutMs?: number;
  /** Milliseconds that a client may take to send a body; then it is answered with 408. @default 60000 */
  readonly bodyTimeoutMs?: number;
  /**
   * Pages of other sites may ask: `Access-Control-Allow-Origin: *` and its kin; TF Serving's `--enable_cors_support`.
   *
   * @default false
   */
  readonly cors?: boolean;
  /**
   * Metrics to be had with GET; TF Serving's `prometheus_config`. A path with anything behind it is no path to them.
   *
   * @default none; the path is `/monitoring/prometheus/metrics` unless it says otherwise
   */
  readonly metrics?: { readonly source: MetricsSource; readonly path?: string };
  /** As in the options of gRPC. @default false */
  readonly enableSignatureMethodNameCheck?: boolean;
  /** Certificates for `listen()`. @default none: connections are not encrypted */
  readonly tls?: TlsOptions;
  /**
   * Milliseconds that a connection may be idle for.
   *
   * @default 65000: more than the 60 s of most load balancers, so that it is they who close, and no request is lost
   */
  readonly keepAliveTimeoutMs?: number;
  /** Is told what goes wrong beside the requests: certificates that cannot be taken over. @default nobody */
  readonly onFailure?: (error: ServingError) => void;
  /** @internal Time, for tests. */
  readonly clock?: Clock;
}

/** @internal The options with every default filled in. */
export interface ResolvedHttpOptions extends Required<Omit<HttpHandlerOptions, 'tls' | 'metrics'>> {
  readonly tls: TlsOptions | undefined;
  readonly metrics: { readonly source: MetricsSource; readonly path: string } | undefined;
}

const defaults: ResolvedHttpOptions = {
  maxBodyBytes: 64 * 2 ** 20,
  maxInFlightBytes: 2 ** 30,
  timeoutMs: 30_000,
  bodyTimeoutMs: 60_000,
  cors: false,
  metrics: undefined,
  enableSignatureMethodNameCheck: false,
  tls: undefined,
  keepAliveTimeoutMs: 65_000,
  onFailure: () => {},
  clock: systemClock,
};

const defaultMetricsPath = '/monitoring/prometheus/metrics';

/** @internal @throws ServingError INVALID_ARGUMENT naming the option, what came and what was wanted. */
export function resolveHttpOptions(options: HttpHandlerOptions): ResolvedHttpOptions {
  assertObject(options, 'options');
  assertKeys(options, '', Object.keys(defaults));
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const resolved = { ...defaults, ...given } as ResolvedHttpOptions;
  assertNumber(resolved.maxBodyBytes, 'maxBodyBytes', { min: 1, isInfinityAllowed: true });
  assertNumber(resolved.maxInFlightBytes, 'maxInFlightBytes', { min: 1, isInfinityAllowed: true });
  for (const name of ['timeoutMs', 'bodyTimeoutMs', 'keepAliveTimeoutMs'] as const) {
    assertNumber(resolved[name], name, { min: 1, isInfinityAllowed: name !== 'keepAliveTimeoutMs' });
  }
  for (const name of ['cors', 'enableSignatureMethodNameCheck'] as const) {
    assertOneOf(resolved[name], name, [true, false]);
  }
  if (typeof resolved.onFailure !== 'function')
    throw optionError('onFailure', resolved.onFailure, 'a function');
  return { ...resolved, metrics: resolveMetrics(options.metrics) };
}

function resolveMetrics(metrics: HttpHandlerOptions['metrics']): ResolvedHttpOptions['metrics'] {
  if (metrics === undefined) return undefined;
  assertObject(metrics, 'metrics');
  assertKeys(metrics, 'metrics', ['source', 'path']);
  const { source, path = defaultMetricsPath } = metrics;
  assertString(path, 'metrics.path');
  if (!path.startsWith('/')) throw optionError('metrics.path', path, 'a path that begins with /');
  if (typeof source?.metrics !== 'function' || typeof source.contentType !== 'string') {
    throw optionError('metrics.source', source, 'a registry of prom-client: metrics() and contentType');
  }
  return { source, path };
}
