import { ServingError } from '../core/errors.js';
import type { ModelSpec } from '../core/model-spec.js';
import type { Lease, ServableDirectory } from '../core/servable-directory.js';
import type { ServableId } from '../core/servable-id.js';

/**
 * Finds the version that answers a request: the one it names, or the highest that is available.
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

  constructor(directory: ServableDirectory) {
    this.#directory = directory;
  }

  /**
   * @throws ServingError NOT_FOUND where no such version is available; `cause` is the newest reason that is known.
   */
  resolve(spec: ModelSpec): ServableId {
    const versions = this.#directory.available(spec.model) ?? [];
    const version = spec.version ?? versions[0];
    if (version !== undefined && versions.includes(version)) return { model: spec.model, version };
    throw this.notFound(spec);
  }

  /**
   * A lease on the version that answers a request.
   *
   * @throws ServingError NOT_FOUND as `resolve` does.
   */
  acquire(spec: ModelSpec): Lease {
    const lease = this.#directory.acquire(this.resolve(spec));
    if (lease === undefined) throw this.notFound(spec);
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
