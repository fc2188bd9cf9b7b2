import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { DType, Tensor, TensorMap } from 'servable';

/** onnxruntime's official binding: what it returns is what the engine must return. */
export interface Oracle {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Runs the model on exactly these inputs; all outputs unless some are named. */
  run(inputs: TensorMap, outputs?: readonly string[]): Promise<TensorMap>;
  release(): Promise<void>;
}

/** Dtypes that the binding carries in and out; bfloat16 it does not. */
export function isCarried(dtype: DType): boolean {
  return dtype !== 'bfloat16';
}

/** Opens a model with the official binding, on one thread, so that sums are in one order. */
export async function openOracle(path: string): Promise<Oracle> {
  const session = await InferenceSession.create(path, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(inputs, outputs = session.outputNames) {
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toOrt(tensor)]));
      const results = await session.run(feeds, [...outputs]);
      return Object.fromEntries(outputs.map((name) => [name, fromOrt(name, results[name])]));
    },
    release: () => session.release(),
  };
}

/** One answer from a model that is opened for it alone. */
export async function askOracle(
  path: string,
  inputs: TensorMap,
  outputs?: readonly string[],
): Promise<TensorMap> {
  const oracle = await openOracle(path);
  try {
    return await oracle.run(inputs, outputs);
  } finally {
    await oracle.release();
  }
}

function toOrt({ dtype, data, shape }: Tensor): OrtTensor {
  return new OrtTensor(dtype as 'float32', data as Float32Array, [...shape]);
}

function fromOrt(name: string, tensor: OrtTensor | undefined): Tensor {
  if (tensor === undefined) throw new Error(`The oracle returned no tensor for output "${name}"`);
  const { type, data, dims } = tensor;
  return {
    dtype: type as DType,
    shape: dims,
    data: type === 'float16' ? bits(data as Uint16Array) : (data as Tensor['data']),
  };
}

/** Where the runtime has Float16Array (Node 24), the binding answers with it; ours are bits. */
function bits({ buffer, byteOffset, length }: Uint16Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset, length);
}
