import { ModelServer } from 'servable';

/**
 * A server with batching, and the sizes of the batches that it ran.
 *
 * @param {import('servable').ModelOptions[]} models
 * @param {Omit<import('servable').ModelServerOptions, 'models' | 'batchingObserver' | 'pollIntervalMs'>} [options]
 */
export async function openBatchingServer(models, options) {
  const sizes = new BatchSizes();
  const server = new ModelServer({
    models,
    numBatchThreads: 2,
    pollIntervalMs: 0,
    ...options,
    batchingObserver: sizes,
  });
  return { server: await server.start(), sizes };
}

/** Counts batches. */
export class BatchSizes {
  #batches = 0;
  #rows = 0;

  /** @param {import('servable').BatchRun} run */
  onRun({ rows }) {
    this.#batches++;
    this.#rows += rows;
  }

  /** Rows of a batch on the average, since this was asked last. */
  takeMean() {
    const mean = this.#rows / this.#batches;
    this.#batches = 0;
    this.#rows = 0;
    return mean;
  }
}
