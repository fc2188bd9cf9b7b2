import { ServingError } from '../core/errors.js';
import { assertNumber } from '../core/option-check.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';

/** A share of the budget, held from before a load until the version is gone. */
export interface Reservation {
  /** Makes the share as large as was measured; it may then exceed the budget, as what is loaded is loaded. */
  settle(bytes: number): void;
  /** Gives the share back. Once; a second call has no effect. */
  release(): void;
}

/** How much there is, and who is told of room that has become free. */
export interface MemoryBudgetOptions {
  /** Bytes that loaded versions may hold together: measured where they are loaded, estimated while they load. */
  readonly limitBytes: number;
  /** Is told when there is more room than before. */
  readonly onRoom?: () => void;
}

/**
 * Keeps the memory of loaded versions under a limit: what would not fit is not begun.
 *
 * Source of the error's text: TF Serving, core/basic_manager.cc, `ReserveResources`; its limit cannot be set there.
 *
 * @example
 * ```ts
 * import { MemoryBudget } from 'servable';
 *
 * const budget = new MemoryBudget({ limitBytes: 100e6 });
 * const reservation = budget.reserve({ model: 'digits', version: 1 }, 60e6);
 * console.log(budget.usedBytes); // 60000000
 * reservation.settle(40e6); // measured, once it is loaded
 * reservation.release();
 * ```
 */
export class MemoryBudget {
  /** Bytes that may be reserved together. */
  readonly limitBytes: number;
  readonly #onRoom: (() => void) | undefined;
  #usedBytes = 0;

  /** @throws ServingError INVALID_ARGUMENT for a limit that is none. */
  constructor({ limitBytes, onRoom }: MemoryBudgetOptions) {
    assertNumber(limitBytes, 'memoryBudgetBytes', { min: 0, isInfinityAllowed: true });
    this.limitBytes = limitBytes;
    this.#onRoom = onRoom;
  }

  /** Bytes that are reserved. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** @throws ServingError RESOURCE_EXHAUSTED where they do not fit; nothing is reserved then. */
  reserve(id: ServableId, bytes: number): Reservation {
    if (this.#usedBytes + bytes > this.limitBytes) throw this.#tooLarge(id, bytes);
    this.#usedBytes += bytes;
    let held = bytes;
    let isHeld = true;
    return {
      settle: (measured) => {
        if (!isHeld) return;
        const before = held;
        held = measured;
        this.#change(measured - before);
      },
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#change(-held);
      },
    };
  }

  #change(bytes: number): void {
    this.#usedBytes += bytes;
    if (bytes < 0) this.#onRoom?.();
  }

  #tooLarge(id: ServableId, bytes: number): ServingError {
    const { model, version } = id;
    const free = Math.max(0, this.limitBytes - this.#usedBytes);
    return new ServingError(
      'RESOURCE_EXHAUSTED',
      `Insufficient resources to load servable {name: ${model} version: ${version}}: it needs some ${bytes} bytes, and ${free} of memoryBudgetBytes ${this.limitBytes} are free`,
      { id, actual: `${bytes} bytes`, expected: `at most ${free} bytes for ${formatServableId(id)}` },
    );
  }
}
