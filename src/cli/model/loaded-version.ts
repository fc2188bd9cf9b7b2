import { BatchDispatcher } from '../../batching/batch-dispatcher.js';
import { BatchingLoader } from '../../batching/batching-loader.js';
import type { BatchingOptions } from '../../batching/batching-options.js';
import { runServable } from '../../core/run-servable.js';
import type { Servable } from '../../core/servable.js';
import type { TensorMap } from '../../core/tensor.js';
import type { DeviceOptions } from '../../runner/devices/device-options.js';
import { OrtEngine } from '../../runner/engine.js';
import { OnnxLoader } from '../../runner/onnx-loader.js';
import { readSamples } from '../../warmup/read-samples.js';
import type { WarmupRequest } from '../../warmup/warmup-request.js';
import { type ModelTarget, withDirectory } from './model-target.js';

export interface LoadOptions {
  /** Where it is to run. @default the CPU */
  readonly device?: DeviceOptions['device'];
  /** How its requests share runs. @default false: they do not */
  readonly batching?: BatchingOptions | false;
}

/** A version that is loaded in this process, for one command. */
export interface LoadedVersion {
  readonly servable: Servable;
  readonly engine: OrtEngine;
  /** Its directory, or what stands for one. */
  readonly directory: string;
  /** Checks a request as a server does, and runs it. @throws ServingError as a server's `predict` does. */
  readonly run: (request: WarmupRequest) => Promise<TensorMap>;
}

/**
 * Loads a version, lends it, and gives everything back.
 *
 * @throws ServingError as `OnnxLoader` and `BatchingLoader` do; whatever `use` throws.
 */
export async function withVersion<T>(
  target: ModelTarget,
  { device = 'cpu', batching = false }: LoadOptions,
  use: (version: LoadedVersion) => Promise<T>,
): Promise<T> {
  const engine = new OrtEngine({ inlineRuns: 'on', numBatchThreads: 1 }); // there is nothing else to do here
  engine.start();
  const loader = new BatchingLoader({
    loader: new OnnxLoader({ engine, devices: () => ({ device }) }),
    dispatcher: new BatchDispatcher({ numBatchThreads: 1 }),
    batching: () => batching,
    samples: (servable, path) => readSamples(servable, path),
  });
  try {
    return await withDirectory(target, async (directory) => {
      const servable = await loader.load({ model: target.name, version: target.version }, directory);
      try {
        return await use({ servable, engine, directory, run: (request) => run(servable, request) });
      } finally {
        await servable.unload();
      }
    });
  } finally {
    await engine.close();
  }
}

function run(servable: Servable, { inputs, ...asked }: WarmupRequest): Promise<TensorMap> {
  return runServable(servable, inputs, asked);
}
