/** What prints metrics: a `Registry` of prom-client, of its successor, or of a host's own making. */
export interface MetricsSource {
  /** The value of `content-type`. */
  readonly contentType: string;
  /** All of them, as a scraper reads them. */
  metrics(): string | Promise<string>;
}

/** How metrics are printed: the text format 0.0.4 that all of Prometheus reads, or OpenMetrics 1.0 with exemplars. */
export type MetricsFormat = 'prometheus' | 'openmetrics';

/** In which form metrics are printed. */
export interface CollectOptions {
  /** @default 'prometheus' */
  readonly format?: MetricsFormat;
}

/** What prints metrics in either format. */
export interface MetricsPrinter {
  contentType(options: CollectOptions): string;
  collect(options: CollectOptions): Promise<string>;
}
