import type { Clock } from '../../core/clock.js';
import { deferred } from '../../core/deferred.js';
import { ServingError } from '../../core/errors.js';
import type { AspiredVersion, Source, SourceListener } from '../source.js';
import { toldFault } from './told-versions.js';

/** What a source has said of a model: what is wanted of it, or why that cannot be told. */
export type Said =
  | { readonly versions: readonly AspiredVersion[]; readonly warning: ServingError | undefined }
  | { readonly error: ServingError };

export interface HeardSourceOptions {
  readonly source: Source;
  /** Milliseconds that its start may take; then it is reported as unavailable, and may still say something. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Other words than before are remembered of this model. */
  readonly onSaid: (model: string) => void;
}

/**
 * Listens to a source of the host's, and remembers what it said last of each model: it may have spoken of a model that
 * is configured only now. Nothing that it does keeps the other models waiting.
 */
export class HeardSource implements SourceListener {
  readonly #options: HeardSourceOptions;
  readonly #said = new Map<string, Said>();
  /** Why it has not said all; absent once it has. */
  #failure: ServingError | undefined;
  #hasSaidAll = false;
  #started: Promise<void> | undefined;
  /** Nobody waits for the start any more, however it ends. */
  readonly #over = deferred<void>();
  #isClosed = false;

  constructor(options: HeardSourceOptions) {
    this.#options = options;
  }

  /** Resolves when everything has been said once, or that has failed or takes too long. Once. Never rejects. */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /** Undefined while it has not been able to say anything. */
  said(model: string): Said | undefined {
    const said = this.#said.get(model);
    if (said !== undefined) return said;
    if (this.#failure !== undefined) return { error: this.#failure };
    return this.#hasSaidAll ? { error: saidNothing(model) } : undefined;
  }

  aspire(model: string, versions: readonly AspiredVersion[], warning?: ServingError): void {
    const error = toldFault(model, versions);
    this.#hear(model, error ? { error } : { versions: versions.map((version) => ({ ...version })), warning });
  }

  fail(model: string, error: ServingError): void {
    this.#hear(model, { error: ServingError.from(error, 'UNAVAILABLE') });
  }

  /** What it says afterwards is not heard. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#over.resolve();
    try {
      this.#options.source.close();
    } catch {
      // It is not heard any more, however it ends.
    }
  }

  #hear(model: string, said: Said): void {
    if (this.#isClosed) return;
    this.#said.set(model, said);
    this.#options.onSaid(model);
  }

  async #start(): Promise<void> {
    const { clock, timeoutMs } = this.#options;
    const onLate = () => {
      this.#failure = new ServingError('UNAVAILABLE', `A source has not said all within ${timeoutMs} ms`);
      this.#over.resolve();
    };
    const cancel = timeoutMs === Number.POSITIVE_INFINITY ? undefined : clock.schedule(timeoutMs, onLate);
    await Promise.race([this.#listen(), this.#over.promise]);
    cancel?.();
  }

  async #listen(): Promise<void> {
    try {
      await this.#options.source.start(this);
      this.#failure = undefined;
      this.#hasSaidAll = true;
    } catch (cause) {
      const { message } = ServingError.from(cause);
      this.#failure = new ServingError('UNAVAILABLE', `A source cannot be started: ${message}`, { cause });
    }
  }
}

function saidNothing(model: string): ServingError {
  return new ServingError('NOT_FOUND', `The source of ${model} has said nothing of it`);
}
