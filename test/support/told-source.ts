import type { AspiredVersion, ServingError, Source, SourceListener } from 'servable';

/** A source that says what a test tells it to. */
export class ToldSource implements Source {
  starts = 0;
  closes = 0;
  listener: SourceListener | undefined;
  /** What it says when it is started, and until when that takes. */
  readonly #begin: (listener: SourceListener) => unknown;

  constructor(begin: (listener: SourceListener) => unknown = () => {}) {
    this.#begin = begin;
  }

  async start(listener: SourceListener): Promise<void> {
    this.starts++;
    this.listener = listener;
    await this.#begin(listener);
  }

  close(): void {
    this.closes++;
  }

  say(model: string, versions: readonly AspiredVersion[], warning?: ServingError): void {
    this.listener?.aspire(model, versions, warning);
  }
}
