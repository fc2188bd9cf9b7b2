import type { Loader, Servable } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';

/** Loads each version with the loader that its model has at that moment. */
export class ChosenLoader implements Loader {
  readonly #loaderOf: (id: ServableId) => Loader;

  constructor(loaderOf: (id: ServableId) => Loader) {
    this.#loaderOf = loaderOf;
  }

  load(id: ServableId, path: string, signal?: AbortSignal): Promise<Servable> {
    return this.#loaderOf(id).load(id, path, signal);
  }

  /** 0 where the loader has no guess: what it holds is then known once it is loaded. */
  async estimate(id: ServableId, path: string, signal?: AbortSignal): Promise<number> {
    return (await this.#loaderOf(id).estimate?.(id, path, signal)) ?? 0;
  }
}
