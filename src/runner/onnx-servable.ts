import type { Clock } from '../core/clock.js';
import { ServingError } from '../core/errors.js';
import { notify } from '../core/notify.js';
import type { DeviceStatus, ModelMetadata, RunRequest, Servable } from '../core/servable.js';
import type { ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import { putTensor, type Tensor, type TensorMap } from '../core/tensor.js';
import type { Trace } from '../core/trace.js';
import { closeDevices, type DeviceSession, type OpenDevices } from './devices/device-sessions.js';
import { assertInRange, type ShapeRanges } from './devices/tensorrt/shape-ranges.js';
import type { OrtEngine } from './engine.js';
import { RunTimes } from './inline/run-times.js';
import { ModelRun } from './model-run.js';
import type { Pointer } from './ort/c-api.js';
import type { RunInput, RunOutput } from './ort/run.js';
import { runError } from './ort/status.js';
import type { OutputKind } from './ort/values.js';

export interface OnnxServableParts {
  readonly engine: OrtEngine;
  readonly id: ServableId;
  readonly devices: OpenDevices;
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly options: OnnxServableOptions;
  /** Bytes of the model file and its external data. */
  readonly fileBytes: number;
  /** Called when the session is closed. Never rejects. */
  readonly onUnload: () => Promise<void>;
  readonly watch: RunWatch;
}

/** How a version's runs are done. */
export interface OnnxServableOptions {
  /** True where its sessions share arenas, so that nobody can tell what it has of them. */
  readonly sharesArena: boolean;
  /** The shapes that runs may have, by graph input; undefined where any may come. */
  readonly ranges?: ShapeRanges | undefined;
}

/** Who looks at the runs of servables. */
export interface RunWatch {
  readonly clock: Clock;
  readonly onRun?: ((run: ModelRun) => void) | undefined;
  readonly trace?: Trace<ModelRun> | undefined;
}

/** One version of an ONNX model, open in the engine. */
export class OnnxServable implements Servable {
  readonly id: ServableId;
  readonly metadata: ModelMetadata;
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly #engine: OrtEngine;
  readonly device: DeviceStatus;
  readonly #sessions: readonly [DeviceSession, ...DeviceSession[]];
  readonly #options: OnnxServableOptions;
  readonly #times = new RunTimes();
  readonly #inputNames = new Map<string, Pointer>();
  readonly #outputs = new Map<string, RunOutput>();
  readonly #fileBytes: number;
  readonly #onUnload: () => Promise<void>;
  readonly #watch: RunWatch;
  /** What the arena held before the first run; undefined where there is none, or it is not the session's own. */
  readonly #loadedBytes: number | undefined;
  #abandoned: ServingError | undefined;
  #unloaded: Promise<void> | undefined;

  constructor(parts: OnnxServableParts) {
    const { engine, id, devices, signatures, options, fileBytes, onUnload, watch } = parts;
    this.#engine = engine;
    this.id = id;
    this.device = devices.status;
    this.#sessions = devices.sessions as readonly [DeviceSession, ...DeviceSession[]];
    const { open } = this.#sessions[0];
    this.metadata = open.metadata;
    this.signatures = signatures;
    this.#options = options;
    this.#fileBytes = fileBytes;
    this.#onUnload = onUnload;
    this.#watch = watch;
    this.#loadedBytes = this.#arenaBytes();
    for (const { name, nativeName } of [...open.inputs, ...open.overridableInitializers]) {
      this.#inputNames.set(name, nativeName);
    }
    for (const { name, nativeName, type } of open.outputs) {
      const kind: OutputKind = type.kind === 'map' || type.kind === 'map-rows' ? type.kind : 'tensor';
      this.#outputs.set(name, { nativeName, kind });
    }
  }

  /**
   * What its arena holds, but no less than the model's files: weights that onnxruntime makes anew for speed lie outside of
   * the arena, and are mostly as large as they were. Not seen are weights that become larger than they were (float16 on a
   * CPU: twice as large), those that are computed at load, and the session itself: 1 to 2 MB, 12 were seen for a model of
   * many subgraphs. Memory that runs need counts once it was needed: ask after the warm-up. Weights that stay mapped count,
   * although the system may take their memory back. Takes some microseconds. Absent where weights lie on a device, and
   * when it is unloaded. Measured by bench/runner/memory-estimate.mjs.
   */
  get memoryBytes(): number | undefined {
    if (this.#unloaded !== undefined || !this.#sessions.every(({ isOnHost }) => isOnHost)) return undefined;
    const loaded = this.#loadedBytes ?? 0;
    const grown = this.#loadedBytes === undefined ? 0 : Math.max(0, (this.#arenaBytes() ?? 0) - loaded);
    return Math.max(this.#fileBytes, loaded) + grown;
  }

  run(request: RunRequest): Promise<TensorMap> {
    return this.#run(request, this.#engine.loads.leastLoaded(this.#sessions));
  }

  /** Runs a request on each of its devices, one after the other: their kernels are made when a shape is seen first. */
  async runEverywhere(request: RunRequest): Promise<void> {
    for (const session of this.#sessions) await this.#run({ ...request, givesInputs: false }, session);
  }

  async #run(request: RunRequest, session: DeviceSession): Promise<TensorMap> {
    const { clock, trace, onRun } = this.#watch;
    const record = new ModelRun(this.id, session.device, request.origin, clock.now());
    try {
      if (this.#abandoned !== undefined) throw this.#abandoned;
      const execute = () => this.#execute(request, session, record);
      const work = () => execute().catch((error) => this.#fail(record, error));
      const tensors = await (trace?.isOn ? trace.follow(record, work) : execute());
      return byAlias(request.outputs, tensors);
    } catch (error) {
      record.error ??= this.#toFailure(error);
      throw record.error;
    } finally {
      record.endedMs = clock.now();
      const micros = (record.endedMs - record.startedMs) * 1000;
      if (record.runMicros === 0) record.runMicros = micros; // it failed
      request.origin?.noteRun(Math.max(0, micros - record.runMicros), record.runMicros);
      notify(onRun, record);
    }
  }

  /** A run that ends before it can be stopped is answered. The first reason given stands. */
  abandon(reason: ServingError): void {
    if (this.#unloaded !== undefined) return;
    this.#abandoned ??= reason;
    for (const { open } of this.#sessions) this.#engine.abandon(this.#abandoned, open.session);
  }

  /** A second call is the first one: a session is given back once. */
  unload(): Promise<void> {
    this.#unloaded ??= this.#unload();
    return this.#unloaded;
  }

  async #unload(): Promise<void> {
    await closeDevices(this.#engine, this.#sessions);
    await this.#onUnload();
  }

  #execute(request: RunRequest, session: DeviceSession, record: ModelRun): Promise<readonly Tensor[]> {
    const { signature, inputs, outputs, signal, givesInputs } = request;
    const { device, open, isOnHost, runConfigEntries } = session;
    const run = {
      session: open.session,
      inputs: this.#feed(signature, inputs),
      outputs: outputs.map((alias) => this.#fetch(signature, alias)),
      times: this.#times,
      runConfigEntries,
      turns: open.turns,
      graphs: open.graphs,
      isOnDevice: !isOnHost,
      memory: open.memory,
      signal,
      givesInputs,
      record,
    };
    // Where there is nothing to choose from, the CPU is not counted: who runs there is the threads' affair.
    const isCounted = !isOnHost || this.#sessions.length > 1;
    return isCounted ? this.#engine.loads.during(device, () => this.#engine.run(run)) : this.#engine.run(run);
  }

  #toFailure(error: unknown): ServingError {
    return error === this.#abandoned ? (error as ServingError) : runError(this.id, error);
  }

  #fail(record: ModelRun, error: unknown): never {
    record.error = this.#toFailure(error);
    throw record.error;
  }

  #arenaBytes(): number | undefined {
    return this.#options.sharesArena ? undefined : this.#engine.arenaBytes(this.#sessions[0].open);
  }

  #feed(signature: Signature, inputs: TensorMap): RunInput[] {
    const { ranges } = this.#options;
    const feeds: RunInput[] = [];
    for (const alias of Object.keys(inputs)) {
      const name = signature.inputs[alias]?.name ?? alias;
      if (ranges !== undefined) assertInRange(alias, ranges[name], inputs[alias] as Tensor);
      const nativeName = this.#inputNames.get(name);
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
