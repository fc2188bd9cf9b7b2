import type { CancelSignal } from './cancellation.js';
import type { Servable } from './servable.js';
import { checkInputs, findSignature, selectOutputs } from './signature-check.js';
import type { TensorMap } from './tensor.js';

/** What is asked of a servable beside its inputs. */
export interface RunServableOptions {
  /** @default 'serving_default' */
  readonly signature?: string;
  /** Aliases of the outputs to compute. @default all of them */
  readonly outputs?: readonly string[];
  /** Aborted: the promise rejects with CANCELLED. */
  readonly signal?: CancelSignal;
  /** An integer; higher ones go first where requests wait. @default 0 */
  readonly priority?: number;
}

/**
 * Asks one servable, with the checks that a {@link ModelServer} makes: for a program that has a servable without a server.
 * It holds no lease; whoever unloads the servable sees to it that nobody is asking.
 *
 * @throws ServingError INVALID_ARGUMENT for inputs or outputs that do not fit; FAILED_PRECONDITION for a signature that
 *   the servable does not have; whatever its `run` rejects with.
 *
 * @example
 * ```ts
 * import { OnnxLoader, OrtEngine, runServable, tensor } from 'servable';
 *
 * const engine = new OrtEngine({ numBatchThreads: 1 });
 * engine.start();
 * const digits = await new OnnxLoader({ engine }).load({ model: 'digits', version: 1 }, 'examples/models/digits/1');
 * const pixels = tensor('float32', [1, 64], new Float32Array(64));
 * const { label } = await runServable(digits, { pixels }, { outputs: ['label'] });
 * console.log(label.shape); // [ 1 ]
 * await digits.unload();
 * await engine.close();
 * ```
 */
export async function runServable(
  servable: Servable,
  inputs: TensorMap,
  { signature: name, outputs: wanted, signal, priority }: RunServableOptions = {},
): Promise<TensorMap> {
  const { id, signatures } = servable;
  const signature = findSignature(signatures, name);
  checkInputs(id, signature, inputs);
  const outputs = selectOutputs(id, signature, wanted);
  return await servable.run({ signature, inputs, outputs, signal, priority });
}
