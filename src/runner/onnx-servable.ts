import { ServingError } from '../core/errors.js';
import type { ModelMetadata, RunRequest, Servable } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import type { OrtEngine } from './engine.js';
import { RunTimes } from './inline/run-times.js';
import type { Pointer } from './ort/c-api.js';
import type { RunInput, RunOutput } from './ort/run.js';
import type { OpenSession } from './ort/session.js';
import { runError } from './ort/status.js';
import type { OutputKind } from './ort/values.js';
import type { SessionOptions } from './session-options.js';

/** One version of an ONNX model, open in the engine. */
export class OnnxServable implements Servable {
  readonly id: ServableId;
  readonly metadata: ModelMetadata;
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly #engine: OrtEngine;
  readonly #open: OpenSession;
  readonly #options: SessionOptions;
  readonly #isExclusive: boolean;
  readonly #times = new RunTimes();
  readonly #inputNames = new Map<string, Pointer>();
  readonly #outputs = new Map<string, RunOutput>();

  constructor(
    engine: OrtEngine,
    id: ServableId,
    open: OpenSession,
    signatures: ReadonlyMap<string, Signature>,
    options: SessionOptions,
  ) {
    this.#engine = engine;
    this.id = id;
    this.#open = open;
    this.metadata = open.metadata;
    this.signatures = signatures;
    this.#options = options;
    this.#isExclusive = usesWebGpu(options);
    for (const { name, nativeName } of [...open.inputs, ...open.overridableInitializers]) {
      this.#inputNames.set(name, nativeName);
    }
    for (const { name, nativeName, type } of open.outputs) {
      const kind: OutputKind = type.kind === 'map' || type.kind === 'map-rows' ? type.kind : 'tensor';
      this.#outputs.set(name, { nativeName, kind });
    }
  }

  async run(request: RunRequest): Promise<TensorMap> {
    const { signature, inputs, outputs: aliases, signal, givesInputs } = request;
    try {
      const tensors = await this.#engine.run({
        session: this.#open.session,
        inputs: this.#feed(signature, inputs),
        outputs: aliases.map((alias) => this.#fetch(signature, alias)),
        times: this.#times,
        runConfigEntries: this.#options.runConfigEntries,
        isExclusive: this.#isExclusive,
        signal,
        givesInputs,
      });
      return byAlias(aliases, tensors);
    } catch (error) {
      throw runError(this.id, error);
    }
  }

  async unload(): Promise<void> {
    await this.#engine.closeSession(this.#open);
  }

  #feed(signature: Signature, inputs: TensorMap): RunInput[] {
    const feeds: RunInput[] = [];
    for (const alias of Object.keys(inputs)) {
      const nativeName = this.#inputNames.get(signature.inputs[alias]?.name ?? alias);
      if (nativeName === undefined) throw this.#unknown('input', alias);
      feeds.push({ nativeName, tensor: inputs[alias] as Tensor });
    }
    return feeds;
  }

  #fetch(signature: Signature, alias: string): RunOutput {
    const output = this.#outputs.get(signature.outputs[alias]?.name ?? alias);
    if (output === undefined) throw this.#unknown('output', alias);
    return output;
  }

  /** A request is checked before it comes here, so this is a mistake of ours. */
  #unknown(role: 'input' | 'output', alias: string): ServingError {
    return new ServingError('INTERNAL', `The graph has no ${role} for "${alias}"`, { [role]: alias });
  }
}

function byAlias(aliases: readonly string[], tensors: readonly Tensor[]): TensorMap {
  const result: Record<string, Tensor> = {};
  for (const [index, alias] of aliases.entries()) {
    putTensor(result, alias, tensors[index] as Tensor);
  }
  return result;
}

/** WebGPU must never run two sessions at once (onnxruntime issues 32561 and 31627). */
function usesWebGpu(options: SessionOptions): boolean {
  const names = options.providers?.map((provider) =>
    typeof provider === 'string' ? provider : provider.name,
  );
  return names?.some((name) => name.toLowerCase() === 'webgpu') ?? false;
}
