import { createRequire } from 'node:module';
import type { MetricsFormat, MetricsSource } from '../../core/metrics-source.js';

/** A `Registry` of prom-client, or of its successor `@prometheus-io/client`: what is used of it. */
export interface MetricRegistry extends MetricsSource {
  /** Takes a metric in, which it prints from then on. */
  registerMetric(metric: never): void;
  /** Forgets the metric of that name. */
  removeSingleMetric(name: string): void;
  /** The metric of that name; undefined where there is none. */
  getSingleMetric(name: string): unknown;
}

const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

const require = createRequire(import.meta.url);

/** A registry of our own, which prints its metrics one by one as well. */
export interface OwnRegistry extends MetricRegistry {
  getSingleMetricAsString(name: string): Promise<string>;
}

/** A registry of our own. prom-client is loaded for the first of them: it takes 15 ms, and not every server is scraped. */
export function newRegistry(format: MetricsFormat): OwnRegistry {
  const { Registry } = require('prom-client') as typeof import('prom-client');
  const registry = new Registry();
  if (format === 'openmetrics')
    (registry as { setContentType(type: string): void }).setContentType(openMetricsType);
  return registry;
}

export function isOpenMetrics({ contentType }: MetricsSource): boolean {
  return contentType.startsWith('application/openmetrics-text');
}
