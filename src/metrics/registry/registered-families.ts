import { ServingError } from '../../core/errors.js';
import type { Families } from '../series/families.js';
import type { Family } from '../series/family.js';
import { isOpenMetrics, type MetricRegistry } from './metric-registry.js';
import { type MetricMember, MetricView } from './metric-view.js';

export interface RegistrationOptions {
  readonly families: Families;
  readonly registry: MetricRegistry;
  /** On all series of this server. */
  readonly labels: Readonly<Record<string, string>>;
  readonly refresh: () => void;
}

/** The families of a server in a registry, until they are released. */
export class RegisteredFamilies {
  readonly #options: RegistrationOptions;
  readonly #members: { readonly view: MetricView; readonly member: MetricMember }[] = [];

  /**
   * @throws ServingError ALREADY_EXISTS where a metric of the host's own has one of the names, or another server with the
   *   same labels is in the registry; nothing is registered then.
   */
  constructor(options: RegistrationOptions) {
    this.#options = options;
    try {
      for (const family of Object.values<Family>(options.families)) this.#register(family);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Takes them out again. */
  release(): void {
    const { registry } = this.#options;
    for (const { view, member } of this.#members.splice(0)) {
      if (view.remove(member)) registry.removeSingleMetric(view.name);
    }
  }

  #register(family: Family): void {
    const { registry, labels, refresh } = this.#options;
    const view = this.#viewOf(family);
    if (view.has(labels)) {
      throw alreadyThere(
        family,
        `another server with the labels ${JSON.stringify(labels)}`,
        'metrics.labels that tell the servers apart',
      );
    }
    if (view.isEmpty) registry.registerMetric(view as never);
    const member = { family, labels, refresh };
    view.add(member);
    this.#members.push({ view, member });
  }

  #viewOf(family: Family): MetricView {
    const { registry } = this.#options;
    const known = registry.getSingleMetric(family.instrument.name);
    if (known === undefined) return new MetricView(family.instrument, () => isOpenMetrics(registry));
    if (known instanceof MetricView) return known;
    throw alreadyThere(family, 'a metric of another origin', 'a registry without it');
  }
}

function alreadyThere({ instrument: { name } }: Family, actual: string, expected: string): ServingError {
  return new ServingError('ALREADY_EXISTS', `Cannot register ${name}: the registry has ${actual} already`, {
    option: 'metrics.registry',
    actual,
    expected,
  });
}
