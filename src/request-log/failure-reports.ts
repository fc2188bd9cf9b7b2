import type { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import type { RequestLogObserver } from './request-log-observer.js';

/** Tells of each distinct trouble once: a full disk fails thousands of writes. */
export class FailureReports {
  readonly #observer: RequestLogObserver | undefined;
  readonly #told = new Set<string>();

  constructor(observer: RequestLogObserver | undefined) {
    this.#observer = observer;
  }

  /** @param key the same for what is the same trouble. */
  tell(key: string, error: ServingError): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    notify((told: ServingError) => this.#observer?.onFailure?.(told), error);
  }

  /** All has gone well again: what happens from now on is told anew. */
  forget(): void {
    this.#told.clear();
  }
}
