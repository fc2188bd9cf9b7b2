// Hot path: one inference. Guarded by bench/runner/engine-run.mjs.
import type { Tensor } from '../../core/tensor.js';
import type { OrtApi, Pointer } from './c-api.js';
import { type OutputKind, Values } from './values.js';

/** One fed input: the native name of the graph input and its tensor. */
export interface RunInput {
  readonly nativeName: Pointer;
  readonly tensor: Tensor;
}

/** One fetched output: the native name of the graph output and how it is read. */
export interface RunOutput {
  readonly nativeName: Pointer;
  readonly kind: OutputKind;
}

/** Runs sessions in the thread that made it. One runner serves any number of sessions. */
export class SessionRunner {
  readonly #api: OrtApi;
  readonly #values: Values;
  /** Kept from run to run: to hand a new typed array to native code moves it out of the heap, at 0.3 µs each. */
  #words = nativeWords(16);

  constructor(api: OrtApi) {
    this.#api = api;
    this.#values = new Values(api);
  }

  /**
   * Runs a session and reads its outputs, in order. Blocks the calling thread until the run has ended; another
   * thread may end it with `RunOptionsSetTerminate`.
   *
   * @throws OrtError with onnxruntime's reason. Every native value is released, however it ends.
   */
  run(
    session: Pointer,
    runOptions: Pointer,
    inputs: readonly RunInput[],
    outputs: readonly RunOutput[],
  ): readonly Tensor[] {
    const { inputNames, inputValues, outputNames, outputValues } = this.#clearedWords(inputs, outputs);
    try {
      let fed = 0;
      for (const { nativeName, tensor } of inputs) {
        inputNames[fed] = nativeName;
        inputValues[fed++] = this.#values.fromTensor(tensor);
      }
      let fetched = 0;
      for (const { nativeName } of outputs) outputNames[fetched++] = nativeName;
      this.#api.Run(
        session,
        runOptions,
        inputNames,
        inputValues,
        inputs.length,
        outputNames,
        outputs.length,
        outputValues,
      );
      return outputs.map((output, index) =>
        this.#values.toTensor(outputValues[index] as Pointer, output.kind),
      );
    } finally {
      // `inputs` is read here because the values point into its tensors: until they are released, the garbage
      // collector must see that the tensors are in use.
      this.#release(inputValues, inputs.length);
      this.#release(outputValues, outputs.length);
    }
  }

  close(): void {
    this.#values.close();
  }

  /** Room for the addresses of a run; values that have not come into being are 0. */
  #clearedWords(inputs: readonly RunInput[], outputs: readonly RunOutput[]): NativeWords {
    const count = Math.max(inputs.length, outputs.length);
    if (count > this.#words.inputNames.length) this.#words = nativeWords(count);
    this.#words.inputValues.fill(0n);
    this.#words.outputValues.fill(0n);
    return this.#words;
  }

  /** Releases the values that came into being before whatever went wrong. */
  #release(values: BigUint64Array, count: number): void {
    for (let index = 0; index < count; index++) {
      const value = values[index] as Pointer;
      if (value !== 0n) this.#api.ReleaseValue(value);
    }
  }
}

type NativeWords = ReturnType<typeof nativeWords>;

function nativeWords(count: number) {
  return {
    inputNames: new BigUint64Array(count),
    inputValues: new BigUint64Array(count),
    outputNames: new BigUint64Array(count),
    outputValues: new BigUint64Array(count),
  };
}
