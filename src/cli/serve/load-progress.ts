import { join } from 'node:path';
import { type Clock, systemClock } from '../../core/clock.js';
import { formatServableId, type ServableId } from '../../core/servable-id.js';
import type { Logger, ServableStatus } from '../../index.js';
import { diskBytes } from '../../runner/files/disk-bytes.js';
import { formatBytes } from '../format-bytes.js';

/** Milliseconds from one word on a load to the next. */
const intervalMs = 10_000;

export interface LoadProgressOptions {
  readonly logger: Logger;
  /** Where the versions of a model are; undefined for one that is not known. */
  readonly basePath: (model: string) => string | undefined;
  readonly clock?: Clock;
}

/** Says of loads that take long, every ten seconds, that they are still under way: of what, how large, for how long. */
export class LoadProgress {
  readonly #options: LoadProgressOptions;
  readonly #clock: Clock;
  /** What ends the words on a version, by its name: one entry for each that is loading. */
  readonly #loading = new Map<string, () => void>();

  constructor(options: LoadProgressOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** A version has entered a state. */
  onState({ id, state }: ServableStatus): void {
    const name = formatServableId(id);
    if (state !== 'LOADING') {
      this.#loading.get(name)?.();
      this.#loading.delete(name);
    } else if (!this.#loading.has(name)) {
      this.#loading.set(name, this.#follow(id, this.#clock.now()));
    }
  }

  /** Nothing more is said. */
  close(): void {
    for (const end of this.#loading.values()) end();
    this.#loading.clear();
  }

  #follow(id: ServableId, startMs: number): () => void {
    let bytes: number | undefined;
    void this.#bytesOf(id).then((found) => {
      bytes = found;
    });
    let cancel: () => void;
    const wait = () => {
      cancel = this.#clock.schedule(intervalMs, () => {
        const seconds = Math.round((this.#clock.now() - startMs) / 1000);
        const size = bytes === undefined ? '' : `, ${formatBytes(bytes)}`;
        this.#options.logger.info(
          { event: 'loading', ...id, seconds, ...(bytes !== undefined && { bytes }) },
          `${formatServableId(id)} has been loading for ${seconds} s${size}`,
        );
        wait();
      });
    };
    wait();
    return () => cancel();
  }

  /** Of its files, where they are at hand; what lies far away, or under another name, has no size here. */
  async #bytesOf({ model, version }: ServableId): Promise<number | undefined> {
    const basePath = this.#options.basePath(model);
    if (basePath === undefined || basePath.includes('://')) return undefined;
    return await diskBytes(join(basePath, String(version))).catch(() => undefined);
  }
}
