import { OrtError } from '../ort/c-api.js';
import type { RunInput } from '../ort/run.js';

/** A run for which an arena had no room, with the inputs that the thread has sent back. */
export class ArenaFullError extends OrtError {
  readonly inputs: readonly RunInput[];

  constructor(ortCode: number, message: string, inputs: readonly RunInput[]) {
    super(ortCode, message);
    this.inputs = inputs;
  }
}
