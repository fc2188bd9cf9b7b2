import type { CancelSignal } from './cancellation.js';
import { type DType, dtypes, numericDTypes } from './dtype.js';
import { cancelled, ServingError } from './errors.js';
import { assertMethods, assertObject, assertOneOf, optionError } from './option-check.js';
import { outputFault } from './output-fault.js';
import type { ModelMetadata, RunRequest, Servable } from './servable.js';
import { formatServableId, type ServableId } from './servable-id.js';
import { type Dim, defaultSignatureName, type Signature, type TensorSpec } from './signature.js';
import type { Tensor, TensorMap } from './tensor.js';

/** What a function takes or returns under one name. */
export interface FunctionTensor {
  /** What a tensor of another dtype is refused for. */
  readonly dtype: DType;
  /** Its axes, as those of a model's tensors: axis 0 is the batch where it is not a number. */
  readonly shape: readonly Dim[];
}

/** What a function is told beside its inputs. */
export interface FunctionCall {
  /** Names of the outputs that somebody wants; others may be left out, and are if they are returned. */
  readonly outputs: readonly string[];
  /** Aborted where nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** By name. */
export type FunctionTensors = Readonly<Record<string, FunctionTensor>>;

/** The tensors that are declared so, by name. */
export type TensorsOf<Declared extends FunctionTensors> = {
  readonly [Name in keyof Declared]: Tensor<Declared[Name]['dtype']>;
};

/** A function, with what it takes and returns. */
export interface FunctionServableOptions<
  Inputs extends FunctionTensors = FunctionTensors,
  Outputs extends FunctionTensors = FunctionTensors,
> {
  /** What it is called in messages, and by whom it is served. @default { model: 'function', version: 1 } */
  readonly id?: ServableId;
  /** What the function gets, by name; all of them are in every call. */
  readonly inputs: Inputs;
  /** What it can be asked for, by name. */
  readonly outputs: Outputs;
  /**
   * Computes the outputs, as many rows as came. The tensors that it gets are its own, and those that it returns are the
   * caller's: it keeps neither. What it throws, the requests reject with: a ServingError as it is, all else as INTERNAL.
   */
  readonly run: (
    inputs: TensorsOf<Inputs>,
    call: FunctionCall,
  ) => Partial<TensorsOf<Outputs>> | Promise<Partial<TensorsOf<Outputs>>>;
  /** Gives back what the function holds. */
  readonly unload?: () => void | Promise<void>;
  /** What it says of itself. Facts that are left out are empty. */
  readonly metadata?: Partial<ModelMetadata>;
  /** Bytes that it holds, for a server with a memory budget. */
  readonly memoryBytes?: number;
}

const nothing: ModelMetadata = {
  producer: '',
  graph: '',
  description: '',
  domain: '',
  modelVersion: 0n,
  custom: {},
};

/**
 * A servable that is a function: a model of another runtime, a call to another service, a query to a database. What a
 * loader returns is one, so that a {@link ModelServer} versions, batches and measures it like any other; {@link batched}
 * lets the calls of it share runs without a server.
 *
 * Its one signature is `serving_default`. The function may be asynchronous, and several of its runs may be under way at
 * once. A run whose signal is aborted rejects at once with CANCELLED, whatever the function does with the signal it gets.
 * An answer that is not what the options say, or lacks an output, is INTERNAL: no caller gets half of one.
 *
 * @example
 * ```ts
 * import { batched, FunctionServable, runServable, tensor } from 'servable';
 *
 * const servable = new FunctionServable({
 *   inputs: { celsius: { dtype: 'float64', shape: ['batch'] } },
 *   outputs: { fahrenheit: { dtype: 'float64', shape: ['batch'] } },
 *   run: ({ celsius }) => ({
 *     fahrenheit: tensor('float64', celsius.shape, celsius.data.map((degrees) => degrees * 1.8 + 32)),
 *   }),
 * });
 * const shared = batched(servable, { maxBatchSize: 100 });
 * const { fahrenheit } = await runServable(shared, { celsius: tensor('float64', [2], [0, 100]) });
 * console.log(fahrenheit.data); // Float64Array(2) [ 32, 212 ]
 * await shared.unload();
 * ```
 */
export class FunctionServable<
  const Inputs extends FunctionTensors = FunctionTensors,
  const Outputs extends FunctionTensors = FunctionTensors,
> implements Servable
{
  readonly id: ServableId;
  readonly metadata: ModelMetadata;
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly memoryBytes?: number;
  readonly #options: FunctionServableOptions<Inputs, Outputs>;
  /** How each run that is under way is ended. */
  readonly #ends = new Set<(reason: ServingError) => void>();
  /** Why nothing is run any more. */
  #abandoned: ServingError | undefined;

  /** @throws ServingError INVALID_ARGUMENT naming the option. */
  constructor(options: FunctionServableOptions<Inputs, Outputs>) {
    assertMethods(options, 'options', ['run']);
    const { id = { model: 'function', version: 1 }, inputs, outputs, metadata, memoryBytes } = options;
    this.#options = options;
    this.id = id;
    this.metadata = { ...nothing, ...metadata };
    const signature: Signature = {
      name: defaultSignatureName,
      method: 'predict',
      inputs: specsOf(inputs, 'inputs'),
      outputs: specsOf(outputs, 'outputs'),
    };
    this.signatures = new Map([[signature.name, signature]]);
    if (memoryBytes !== undefined) this.memoryBytes = memoryBytes;
  }

  async run(request: RunRequest): Promise<TensorMap> {
    const { inputs, outputs, signal, givesInputs = false } = request;
    if (this.#abandoned !== undefined) throw this.#abandoned;
    if (signal?.aborted) throw cancelled(signal);
    const own = givesInputs ? inputs : copyOf(inputs); // before the first wait: they are the caller's again then
    const answer = await this.#untilEnded(signal, (ended) =>
      this.#options.run(own as unknown as TensorsOf<Inputs>, { outputs, signal: ended }),
    );
    return this.#checked(answer, request);
  }

  abandon(reason: ServingError): void {
    this.#abandoned = reason;
    for (const end of [...this.#ends]) end(reason);
  }

  async unload(): Promise<void> {
    try {
      await this.#options.unload?.();
    } catch {
      // It is gone for us; what it could not give back is the host's, who wrote it.
    }
  }

  /** Waits for the function, or until nobody waits for it. */
  async #untilEnded(
    signal: CancelSignal | undefined,
    call: (ended: AbortSignal) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    const controller = new AbortController();
    let onAbort = () => {};
    let end = (_reason: ServingError) => {};
    const ended = new Promise<never>((_resolve, reject) => {
      end = (reason) => {
        reject(reason);
        controller.abort(reason);
      };
      onAbort = () => end(cancelled(signal));
    });
    ended.catch(() => {}); // where the function ended first, nobody looks
    this.#ends.add(end);
    signal?.addEventListener('abort', onAbort);
    try {
      return await Promise.race([ended, call(controller.signal)]);
    } catch (error) {
      throw this.#named(error);
    } finally {
      this.#ends.delete(end);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #checked(answer: Answer, { signature, outputs }: RunRequest): TensorMap {
    const wanted: Record<string, Tensor> = {};
    for (const alias of outputs) {
      const value = (answer as Answer | undefined)?.[alias];
      const fault = outputFault(value, signature.outputs[alias] as TensorSpec);
      if (fault !== undefined) {
        const { actual, expected } = fault;
        const message = `Cannot run ${formatServableId(this.id)}: its function returned ${actual} as "${alias}", expected ${expected}`;
        throw new ServingError('INTERNAL', message, { id: this.id, output: alias, actual, expected });
      }
      wanted[alias] = value as Tensor;
    }
    return wanted;
  }

  #named(error: unknown): ServingError {
    if (error instanceof ServingError) return error;
    const { message } = ServingError.from(error);
    const { id } = this;
    return new ServingError('INTERNAL', `Cannot run ${formatServableId(id)}: ${message}`, {
      id,
      cause: error,
    });
  }
}

/** What a function returned: by name, whatever it is. */
type Answer = Readonly<Record<string, unknown>>;

function specsOf(tensors: FunctionTensors, path: string): Readonly<Record<string, TensorSpec>> {
  assertObject(tensors, path, 'an object of { dtype, shape } by name');
  const specs = Object.entries(tensors).map(([name, { dtype, shape }]) => {
    assertOneOf(dtype, `${path}.${name}.dtype`, dtypes);
    if (!Array.isArray(shape)) throw optionError(`${path}.${name}.shape`, shape, 'an array of axes');
    return [name, { name, dtype, shape: [...shape] }];
  });
  return Object.fromEntries(specs);
}

function copyOf(tensors: TensorMap): TensorMap {
  const copies = Object.entries(tensors).map(([alias, { dtype, data, ...rest }]) => {
    const copy =
      dtype === 'string' ? [...(data as unknown as string[])] : new numericDTypes[dtype].array(data as never);
    return [alias, { ...rest, dtype, data: copy }];
  });
  return Object.fromEntries(copies);
}
