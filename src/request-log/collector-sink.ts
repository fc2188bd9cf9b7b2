import { ServingError } from '../core/errors.js';
import { tensorBytes } from './capture-tensors.js';
import type { EntrySink } from './entry-sink.js';
import type { FailureReports } from './failure-reports.js';
import type { RequestCollector, RequestEntry } from './request-entry.js';

/** Gives entries to the host's collector. */
export class CollectorSink implements EntrySink {
  readonly isResting = false;
  readonly #collector: RequestCollector;
  readonly #reports: FailureReports;
  #collected: Promise<boolean>[] = [];

  constructor(collector: RequestCollector, reports: FailureReports) {
    this.#collector = collector;
    this.#reports = reports;
  }

  add(entry: RequestEntry): number {
    this.#collected.push(this.#collect(entry));
    return tensorBytes(entry.inputs) + tensorBytes(entry.outputs);
  }

  async commit(): Promise<readonly boolean[]> {
    const collected = this.#collected;
    this.#collected = [];
    return await Promise.all(collected);
  }

  async settled(): Promise<void> {}

  async close(): Promise<void> {}

  async #collect(entry: RequestEntry): Promise<boolean> {
    try {
      await this.#collector.collect(entry);
      this.#reports.forget();
      return true;
    } catch (cause) {
      const { message } = ServingError.from(cause);
      const error = new ServingError('UNAVAILABLE', `Cannot collect a request: ${message}`, { cause });
      this.#reports.tell(message, error);
      return false;
    }
  }
}
