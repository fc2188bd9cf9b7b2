import type { AspiredVersion, Source, SourceListener } from '../source.js';

/**
 * Wants what it was made with, for ever.
 *
 * @example
 * ```ts
 * import { StaticSource } from 'servable';
 *
 * const source = new StaticSource({ digits: [{ version: 2, path: '/models/digits/2' }] });
 * await source.start({
 *   aspire: (model, versions) => console.log(model, versions.length), // digits 1
 *   fail: () => {},
 * });
 * ```
 */
export class StaticSource implements Source {
  readonly #models: Readonly<Record<string, readonly AspiredVersion[]>>;

  constructor(models: Readonly<Record<string, readonly AspiredVersion[]>>) {
    this.#models = models;
  }

  async start(listener: SourceListener): Promise<void> {
    for (const [model, versions] of Object.entries(this.#models)) listener.aspire(model, versions);
  }

  close(): void {
    // Nothing is running.
  }
}
