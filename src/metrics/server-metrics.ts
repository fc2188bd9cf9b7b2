import type { CollectOptions, MetricsFormat } from '../core/metrics-source.js';
import { assertOneOf } from '../core/option-check.js';
import type { Instrument } from './instruments/instrument.js';
import { instruments } from './instruments/instruments.js';
import { printedName } from './instruments/tensorflow-instruments.js';
import type { Meters } from './meters.js';
import type { MetricsOptions } from './metrics-options.js';
import { type MetricRegistry, newRegistry, type OwnRegistry } from './registry/metric-registry.js';
import { printInTurns } from './registry/print-in-turns.js';
import { RegisteredFamilies } from './registry/registered-families.js';
import { NumberCell } from './series/cells.js';
import type { Family } from './series/family.js';

const instrumentNames = Object.values<Instrument>(instruments).map(({ name }) => name);

/**
 * What a server measures: TF Serving's metrics under TF Serving's names, and its own; docs/metrics.md lists them.
 *
 * @example
 * ```ts
 * import { ModelServer, tensor } from 'servable';
 *
 * const server = await new ModelServer({
 *   models: [{ name: 'digits', basePath: 'examples/models/digits' }],
 * }).start();
 * await server.predict('digits', { pixels: tensor('float32', [1, 64], new Float32Array(64)) });
 * const text = await server.metrics.collect();
 * const line = text.split('\n').find((each) => each.startsWith('servable_requests_total'));
 * console.log(line); // servable_requests_total{model="digits",version="3",method="predict",code="OK"} 1
 * await server.close();
 * ```
 */
export class ServerMetrics {
  readonly #meters: Meters;
  readonly #options: MetricsOptions;
  readonly #own = new Map<MetricsFormat, OwnRegistry>();
  readonly #registered: RegisteredFamilies[] = [];
  #isClosed = false;

  /** @internal */
  constructor(meters: Meters, options: MetricsOptions) {
    this.#meters = meters;
    this.#options = options;
  }

  /** The registry that the metrics are in: the host's, or the server's own, in the text format. */
  get registry(): MetricRegistry {
    return this.#options.registry ?? this.#ownRegistry('prometheus');
  }

  /**
   * Everything as text. A registry of the host's prints what it holds, in its own format, whatever is asked for. After
   * `close()` there is nothing of the server in it.
   *
   * @throws ServingError INVALID_ARGUMENT for a format that is none.
   */
  async collect({ format = 'prometheus' }: CollectOptions = {}): Promise<string> {
    assertOneOf(format, 'format', ['prometheus', 'openmetrics']);
    const { registry } = this.#options;
    if (registry !== undefined) return await registry.metrics();
    return await printInTurns(this.#ownRegistry(format), this.#isClosed ? [] : instrumentNames);
  }

  /** The content type of what `collect` returns. */
  contentType({ format = 'prometheus' }: CollectOptions = {}): string {
    return this.#registryFor(format).contentType;
  }

  /**
   * A counter's or a gauge's value, all of its series together, by its name or by TensorFlow's for it
   * (`/tensorflow/serving/request_count`); 0 for what is none.
   */
  total(name: string): number {
    const wanted = printedName(name);
    let total = 0;
    for (const { instrument, series } of Object.values<Family>(this.#meters.families)) {
      if (instrument.name !== wanted) continue;
      this.#meters.refresh();
      for (const { cell } of series) if (cell instanceof NumberCell) total += cell.value;
    }
    return total;
  }

  /** @internal Goes into the host's registry. @throws ServingError ALREADY_EXISTS where it cannot. */
  register(): void {
    const { registry } = this.#options;
    if (registry !== undefined && this.#registered.length === 0) this.#register(registry);
  }

  /** @internal Leaves all registries. */
  close(): void {
    this.#isClosed = true;
    for (const registered of this.#registered.splice(0)) registered.release();
    this.#meters.close();
  }

  #registryFor(format: MetricsFormat): MetricRegistry {
    return this.#options.registry ?? this.#ownRegistry(format);
  }

  #ownRegistry(format: MetricsFormat): OwnRegistry {
    const known = this.#own.get(format);
    if (known !== undefined) return known;
    const registry = newRegistry(format);
    if (!this.#isClosed) this.#register(registry);
    this.#own.set(format, registry);
    return registry;
  }

  #register(registry: MetricRegistry): void {
    const { families } = this.#meters;
    const { labels = {} } = this.#options;
    const refresh = () => this.#meters.refresh();
    this.#registered.push(new RegisteredFamilies({ families, registry, labels, refresh }));
  }
}
