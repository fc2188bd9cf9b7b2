import { type Clock, systemClock } from '../../core/clock.js';
import { defined } from '../../core/defined.js';
import type { ServingError } from '../../core/errors.js';
import type { MetricsPrinter, MetricsSource } from '../../core/metrics-source.js';
import {
  assertKeys,
  assertNumber,
  assertObject,
  assertOneOf,
  assertString,
  optionError,
} from '../../core/option-check.js';
import type { ServingApi } from '../serving-api.js';
import type { TlsOptions } from '../tls/tls-options.js';

/** TF Serving's `prometheus_config`, which `parseMonitoringConfig` reads; and where metrics come from. */
export interface HttpMetricsOptions {
  /** @default true, where there are such options at all */
  readonly enable?: boolean;
  /** With anything behind it, it is no path to them. @default `/monitoring/prometheus/metrics`, of an empty one too */
  readonly path?: string;
  /** A registry that is printed in their place. @default the server's own, in the format that is asked for */
  readonly source?: MetricsSource;
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
  /** Metrics to be had with GET. @default none, as TF Serving without `--monitoring_config_file` */
  readonly metrics?: HttpMetricsOptions;
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
  /** Is told what goes wrong beside the requests: certificates that cannot be taken over. @default the server's log */
  readonly onFailure?: (error: ServingError) => void;
  /** @internal Time, for tests. */
  readonly clock?: Clock;
}

/** @internal The options with every default filled in. */
export interface ResolvedHttpOptions extends Required<Omit<HttpHandlerOptions, 'tls' | 'metrics'>> {
  readonly tls: TlsOptions | undefined;
  readonly metrics: { readonly printer: MetricsPrinter; readonly path: string } | undefined;
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
export function resolveHttpOptions(
  options: HttpHandlerOptions,
  { metrics: printer, wires }: Pick<ServingApi, 'metrics' | 'wires'>,
): ResolvedHttpOptions {
  assertObject(options, 'options');
  assertKeys(options, '', Object.keys(defaults));
  const given = defined(options);
  const onFailure = wires?.onFailure ?? defaults.onFailure;
  const resolved = { ...defaults, onFailure, ...given } as ResolvedHttpOptions;
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
  return { ...resolved, metrics: resolveMetrics(options.metrics, printer) };
}

function resolveMetrics(
  metrics: HttpMetricsOptions | undefined,
  own: MetricsPrinter | undefined,
): ResolvedHttpOptions['metrics'] {
  if (metrics === undefined) return undefined;
  assertObject(metrics, 'metrics');
  assertKeys(metrics, 'metrics', ['enable', 'path', 'source']);
  const { enable = true, path: given = '', source } = metrics;
  assertOneOf(enable, 'metrics.enable', [true, false]);
  assertString(given, 'metrics.path', { isEmptyAllowed: true });
  const path = given || defaultMetricsPath;
  if (!path.startsWith('/')) throw optionError('metrics.path', path, 'a path that begins with /');
  const printer = source === undefined ? own : printerOf(source);
  if (printer === undefined)
    throw optionError('metrics.source', source, 'a registry: the server has no metrics');
  return enable ? { printer, path } : undefined;
}

function printerOf(source: MetricsSource): MetricsPrinter {
  if (typeof source?.metrics !== 'function' || typeof source.contentType !== 'string') {
    throw optionError('metrics.source', source, 'a registry of prom-client: metrics() and contentType');
  }
  return { contentType: () => source.contentType, collect: async () => source.metrics() };
}
