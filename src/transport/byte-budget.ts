import { ServingError } from '../core/errors.js';

/** What one request holds of a budget. */
export interface Hold {
  /** @throws ServingError RESOURCE_EXHAUSTED where there are not so many bytes left. */
  readonly take: (bytes: number) => void;
  /** Gives back all that was taken. */
  readonly release: () => void;
}

/** Bounds the memory that requests under way hold together. */
export class ByteBudget {
  readonly #maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  hold(): Hold {
    let heldBytes = 0;
    return {
      take: (bytes) => {
        if (bytes > this.#maxBytes - this.#usedBytes) throw this.#exhausted(bytes);
        this.#usedBytes += bytes;
        heldBytes += bytes;
      },
      release: () => {
        this.#usedBytes -= heldBytes;
        heldBytes = 0;
      },
    };
  }

  #exhausted(bytes: number): ServingError {
    const wanted = `${bytes} bytes more, beside the ${this.#usedBytes} that requests under way hold`;
    return new ServingError(
      'RESOURCE_EXHAUSTED',
      `Cannot take in the request: it wants ${wanted}, expected at most ${this.#maxBytes} together`,
    );
  }
}
