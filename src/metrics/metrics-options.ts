import { assertKeys, assertMethods, assertObject, assertString, optionError } from '../core/option-check.js';
import type { Instrument } from './instruments/instrument.js';
import { instruments } from './instruments/instruments.js';
import type { MetricRegistry } from './registry/metric-registry.js';

/** Where the metrics of a server go. */
export interface MetricsOptions {
  /**
   * A registry of the host's, to be printed with its own metrics: of prom-client or of `@prometheus-io/client`. The server is
   * in it from `start()` to `close()`.
   *
   * @default a registry of the server's own
   */
  readonly registry?: MetricRegistry;
  /** On every series, beside its own: to tell servers apart that share a registry. @default none */
  readonly labels?: Readonly<Record<string, string>>;
}

const registryMethods = ['metrics', 'registerMetric', 'removeSingleMetric', 'getSingleMetric'];

/** Labels that say something already: of instruments, and of what Prometheus adds. */
const takenLabels: ReadonlySet<string> = new Set([
  ...Object.values<Instrument>(instruments).flatMap(({ labels }) => labels),
  'le',
  'job',
  'instance',
]);

/** @internal @throws ServingError INVALID_ARGUMENT naming the option, what came and what was wanted. */
export function checkMetricsOptions(options: MetricsOptions): void {
  assertKeys(options, 'metrics', ['registry', 'labels']);
  const { registry, labels = {} } = options;
  if (registry !== undefined) assertMethods(registry, 'metrics.registry', registryMethods);
  assertObject(labels, 'metrics.labels');
  for (const [name, value] of Object.entries(labels)) {
    const option = `metrics.labels["${name}"]`;
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
      throw optionError(option, name, 'a name of letters, digits and _');
    }
    if (takenLabels.has(name)) throw optionError(option, name, 'a name that no metric has as a label');
    assertString(value, option, { isEmptyAllowed: true });
  }
}
