import type { MetricsFormat } from '../core/metrics-source.js';

/** What each format is called, and what stands for it. */
const formats: Readonly<Record<string, MetricsFormat>> = {
  'application/openmetrics-text': 'openmetrics',
  'text/plain': 'prometheus',
  'text/*': 'prometheus',
  '*/*': 'prometheus',
};

/**
 * The format of metrics that an `Accept` header prefers, of the two that there are: OpenMetrics only where it is asked for.
 * Prometheus asks for that first, and for `text/plain` behind it.
 */
export function acceptedFormat(accept: string | undefined): MetricsFormat {
  let best: MetricsFormat = 'prometheus';
  let bestQuality = 0;
  for (const range of accept?.split(',') ?? []) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = Number(parameters.find((each) => each.startsWith('q='))?.slice(2) ?? 1);
    const format = formats[type];
    if (format === undefined || !(quality > bestQuality)) continue;
    best = format;
    bestQuality = quality;
  }
  return best;
}
