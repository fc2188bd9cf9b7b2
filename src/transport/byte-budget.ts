import { ServingError } from '../core/errors.js';

/** What one call holds of a budget. */
export interface Hold {
  /** @throws ServingError RESOURCE_EXHAUSTED where there are not so many bytes left. */
  readonly take: (bytes: number) => void;
  /** Gives back all that was taken. */
  readonly release: () => void;
}

/** Bytes of a call that are not counted: what others hold keeps no small one out. */
const uncountedBytes = 64 * 1024;

/** Bounds the memory that calls under way hold together: their requests, then their answers. */
export class ByteBudget {
  readonly #maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  hold(): Hold {
    let wantedBytes = 0;
    let heldBytes = 0;
    return {
      take: (bytes) => {
        wantedBytes += bytes;
        if (wantedBytes <= uncountedBytes) return;
        const counted = wantedBytes - uncountedBytes - heldBytes;
        if (counted > this.#maxBytes - this.#usedBytes) throw this.#exhausted(counted);
        this.#usedBytes += counted;
        heldBytes += counted;
      },
      release: () => {
        this.#usedBytes -= heldBytes;
        heldBytes = 0;
        wantedBytes = 0;
      },
    };
  }

  #exhausted(bytes: number): ServingError {
    const held = `beside the ${this.#usedBytes} that calls under way hold`;
    return new ServingError(
      'RESOURCE_EXHAUSTED',
      `Cannot hold ${bytes} bytes more for the call, ${held}, expected at most ${this.#maxBytes} together`,
    );
  }
}
