import type { Servable } from '#dist/core/servable.js';
import type { Signature } from '#dist/core/signature.js';
import type { TensorMap } from '#dist/core/tensor.js';
import { OrtEngine } from '#dist/runner/engine.js';
import type { EngineOptions } from '#dist/runner/engine-options.js';
import { OnnxLoader } from '#dist/runner/onnx-loader.js';
import type { SessionOptions } from '#dist/runner/session-options.js';
import { temporaryFolder, writeModel } from './onnx/model-folder.js';

/** An engine, the loader over it, and a folder for models, which all go when `close` is called. */
export interface EngineBench {
  readonly engine: OrtEngine;
  /** Writes a model, with files beside it, and loads it. */
  load(bytes: Uint8Array, beside?: Readonly<Record<string, Uint8Array | string>>): Promise<Servable>;
  close(): Promise<void>;
}

/** Starts an engine for one test file. */
export function openEngine(options: EngineOptions = {}, session: SessionOptions = {}): EngineBench {
  const engine = new OrtEngine({ numBatchThreads: 2, ...options });
  engine.start();
  const loader = new OnnxLoader({ engine, sessionOptions: () => session });
  const folder = temporaryFolder();
  const loaded: Servable[] = [];
  return {
    engine,
    async load(bytes, beside = {}) {
      const id = { model: `model-${loaded.length}`, version: 1 };
      const servable = await loader.load(id, `${writeModel(folder, id.model, 1, bytes, beside)}/1`);
      loaded.push(servable);
      return servable;
    },
    async close() {
      await Promise.all(loaded.map((servable) => servable.unload()));
      await engine.close();
    },
  };
}

/** The signature that a servable has of its graph. */
export function defaultSignature(servable: Servable): Signature {
  return servable.signatures.get('serving_default') as Signature;
}

/** Runs a servable by its default signature, with all outputs unless told otherwise. */
export function run(
  servable: Servable,
  inputs: TensorMap,
  options: { outputs?: readonly string[]; signal?: AbortSignal } = {},
): Promise<TensorMap> {
  const signature = defaultSignature(servable);
  const { outputs = Object.keys(signature.outputs), signal } = options;
  return servable.run({ signature, inputs, outputs, ...(signal && { signal }) });
}
