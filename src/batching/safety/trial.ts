import { ServingError, type StatusCode } from '../../core/errors.js';
import type { Servable } from '../../core/servable.js';
import type { Signature } from '../../core/signature.js';
import type { TensorMap } from '../../core/tensor.js';

/** Errors that would have come whatever the rows were. */
const foreignCodes: ReadonlySet<StatusCode> = new Set(['CANCELLED', 'UNAVAILABLE', 'RESOURCE_EXHAUSTED']);

/** What a run gave: its outputs, or why the model would not run, in words. */
export type TrialResult = { readonly outputs: TensorMap } | { readonly fault: string };

/**
 * Runs of a servable by one signature, with all its outputs, to see what it does with some inputs: that it fails is
 * a finding, not an error.
 */
export class Trial {
  readonly #servable: Servable;
  readonly #signature: Signature;
  readonly #signal: AbortSignal | undefined;

  constructor(servable: Servable, signature: Signature, signal: AbortSignal | undefined) {
    this.#servable = servable;
    this.#signature = signature;
    this.#signal = signal;
  }

  /** @throws ServingError CANCELLED, UNAVAILABLE or RESOURCE_EXHAUSTED: these say nothing of the inputs. */
  async run(inputs: TensorMap): Promise<TrialResult> {
    const [signature, signal] = [this.#signature, this.#signal];
    if (signal?.aborted) {
      throw new ServingError('CANCELLED', 'Cannot check rows: it was aborted', { cause: signal.reason });
    }
    try {
      const outputs = Object.keys(signature.outputs);
      return { outputs: await this.#servable.run({ signature, inputs, outputs, ...(signal && { signal }) }) };
    } catch (error) {
      if (error instanceof ServingError && foreignCodes.has(error.code)) throw error;
      return { fault: reasonOf(error) };
    }
  }
}

/** The engine's own words: the reader of a status field knows which version it is about. */
function reasonOf(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  const source = cause instanceof Error ? cause : error;
  const message = source instanceof Error ? source.message : String(source);
  return (message.split('\n', 1)[0] as string).trim().replace(/\.$/, '');
}
