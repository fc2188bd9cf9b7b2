import { invalidArgument, ServingError } from '../core/errors.js';
import type { ModelSpec } from '../core/model-spec.js';
import type { Lease, ServableDirectory } from '../core/servable-directory.js';
import type { ServableId } from '../core/servable-id.js';
import type { VersionLabels } from './labels.js';

/**
 * Finds the version that answers a request: the one it names, by number or by label, or the highest that is available.
 *
 * @example
 * ```ts
 * import { Resolver } from 'servable';
 *
 * const resolver = new Resolver({ available: () => [3, 1], acquire: () => undefined, reason: () => undefined });
 * console.log(resolver.resolve({ model: 'digits' })); // { model: 'digits', version: 3 }
 * console.log(resolver.resolve({ model: 'digits', version: 1 })); // { model: 'digits', version: 1 }
 * ```
 */
export class Resolver {
  readonly #directory: ServableDirectory;
  readonly #labels: VersionLabels | undefined;

  /** @param labels what labels mean; without them there is none. */
  constructor(directory: ServableDirectory, labels?: VersionLabels) {
    this.#directory = directory;
    this.#labels = labels;
  }

  /**
   * @throws ServingError NOT_FOUND where no such version is available; `cause` is the newest reason that is known.
   *   INVALID_ARGUMENT for a label that the model does not have.
   */
  resolve(spec: ModelSpec): ServableId {
    const { model, label } = spec;
    const versions = this.#directory.available(model) ?? [];
    const version = label === undefined ? (spec.version ?? versions[0]) : this.#labelled(model, label);
    if (version !== undefined && versions.includes(version)) return { model, version };
    throw this.notFound(version === undefined ? { model } : { model, version });
  }

  /** The version that a label points to; the one that it waits for where it points to none. */
  #labelled(model: string, label: string): number {
    if (this.#labels === undefined) throw invalidArgument(`Unrecognized servable version label: ${label}`);
    const { current, version } = this.#labels.resolve(model, label);
    return current ?? version;
  }

  /**
   * A lease on the version that answers a request.
   *
   * @throws ServingError NOT_FOUND as `resolve` does.
   */
  acquire(spec: ModelSpec): Lease {
    const id = this.resolve(spec);
    const lease = this.#directory.acquire(id);
    if (lease === undefined) throw this.notFound(spec.label === undefined ? spec : id);
    return lease;
  }

  /** The error for a request that nothing answers. The text is TF Serving's (core/manager.h, ServableRequest). */
  notFound({ model, version }: ModelSpec): ServingError {
    const wanted = version === undefined ? `Latest(${model})` : `Specific(${model}, ${version})`;
    const cause = this.#directory.reason(model);
    return new ServingError('NOT_FOUND', `Servable not found for request: ${wanted}`, {
      ...(version !== undefined && { id: { model, version } }),
      ...(cause !== undefined && { cause }),
    });
  }
}
