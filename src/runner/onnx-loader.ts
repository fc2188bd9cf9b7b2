import { readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { type Clock, systemClock } from '../core/clock.js';
import { cancelled, ServingError } from '../core/errors.js';
import type { Loader, Servable } from '../core/servable.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import { parseSignatures } from '../core/signature-json.js';
import type { Trace } from '../core/trace.js';
import type { DeviceOptions } from './devices/device-options.js';
import { type DevicePlan, planDevices } from './devices/device-plan.js';
import {
  closeDevices,
  type DeviceLoad,
  type DeviceSession,
  type OpenDevices,
  openDevices,
} from './devices/device-sessions.js';
import { prepareTensorRt, rangesOf, type TensorRtModel } from './devices/tensorrt/prepare-tensorrt.js';
import type { RowRange } from './devices/tensorrt/tensorrt-options.js';
import type { OrtEngine } from './engine.js';
import { describeForeignFile } from './files/describe-foreign-file.js';
import { diskBytes } from './files/disk-bytes.js';
import { modelFile } from './files/model-file.js';
import type { ModelHeader } from './files/model-header.js';
import { PrivateCopy } from './files/private-copy.js';
import { Revisions } from './files/revisions.js';
import { graphSignature } from './graph-signature.js';
import type { ModelRun } from './model-run.js';
import { OnnxServable, type RunWatch } from './onnx-servable.js';
import { OrtError } from './ort/c-api.js';
import type { OpenSession } from './ort/session.js';
import { loadError } from './ort/status.js';
import type { SessionOptions } from './session-options.js';

/** Signatures beside the model, and the key of the same JSON in its metadata; the file has the last word. */
const signaturesFile = 'signatures.json';
const signaturesKey = 'servable.signatures';

/**
 * Bytes of memory that a byte on the disk is thought to become.
 *
 * Source: TF Serving, servables/tensorflow/bundle_factory_util.cc, kResourceEstimateRAMMultiplier.
 */
const memoryPerDiskByte = 1.2;

/** What runs the models, and how their sessions are made. */
export interface OnnxLoaderOptions {
  /** Whose threads and sessions they are; it is started and closed by its owner. */
  readonly engine: OrtEngine;
  /** How a model's sessions are made; onnxruntime's defaults and ours where it returns nothing. */
  readonly sessionOptions?: (id: ServableId) => SessionOptions | undefined;
  /** Where a model's versions run. @default the CPU */
  readonly devices?: ((id: ServableId) => DeviceOptions | undefined) | undefined;
  /** The rows that a model's runs have, for which TensorRT builds its engines. @default 1 */
  readonly rows?: ((id: ServableId) => RowRange | undefined) | undefined;
  /** Where what is built for a device is kept. @default `servable` among the system's temporary files */
  readonly cacheDirectory?: string | undefined;
  /** Is told of every run, for metrics. */
  readonly onRun?: ((run: ModelRun) => void) | undefined;
  /** @internal Follows every run. */
  readonly trace?: Trace<ModelRun> | undefined;
  /** @default the system's */
  readonly clock?: Clock;
}

/**
 * Loads `<version directory>/model.onnx`, with external data and `signatures.json` beside it.
 *
 * @example
 * ```ts
 * import { OnnxLoader, OrtEngine, tensor } from 'servable';
 *
 * const engine = new OrtEngine({ numBatchThreads: 1 });
 * engine.start();
 * const loader = new OnnxLoader({ engine });
 * const servable = await loader.load({ model: 'digits', version: 1 }, 'examples/models/digits/1');
 * const signature = servable.signatures.get('serving_default');
 * const pixels = tensor('float32', [1, 64], new Float32Array(64));
 * const { label } = await servable.run({ signature, inputs: { pixels }, outputs: ['label'] });
 * console.log(label.shape); // [ 1 ]
 * await servable.unload();
 * await engine.close();
 * ```
 */
export class OnnxLoader implements Loader {
  readonly #engine: OrtEngine;
  readonly #sessionOptions: (id: ServableId) => SessionOptions | undefined;
  readonly #devices: (id: ServableId) => DeviceOptions | undefined;
  readonly #rows: (id: ServableId) => RowRange | undefined;
  readonly #cacheDirectory: string;
  readonly #watch: RunWatch;

  constructor(options: OnnxLoaderOptions) {
    const { clock = systemClock, onRun, trace } = options;
    this.#devices = options.devices ?? (() => undefined);
    this.#rows = options.rows ?? (() => undefined);
    this.#cacheDirectory = options.cacheDirectory ?? join(tmpdir(), 'servable');
    this.#watch = { clock, onRun, trace };
    this.#engine = options.engine;
    this.#sessionOptions = options.sessionOptions ?? (() => undefined);
  }

  /**
   * Loads a version on a load thread.
   *
   * @throws ServingError NOT_FOUND without a model file, DATA_LOSS for a file that is no ONNX model, UNIMPLEMENTED for
   *   inputs, outputs or operators that cannot be served, FAILED_PRECONDITION for whatever else is wrong with the
   *   model or its signatures, ABORTED where a file was written meanwhile, CANCELLED when the signal is aborted,
   *   RESOURCE_EXHAUSTED, UNAVAILABLE.
   */
  async load(id: ServableId, path: string, signal?: AbortSignal): Promise<Servable> {
    await assertModelFile(id, path, join(path, modelFile));
    const revisions = new Revisions();
    let servable: Servable | undefined;
    let failure: ServingError | undefined;
    try {
      servable = await this.#load(id, path, revisions, signal);
    } catch (error) {
      failure = loadError(id, error);
      if (signal?.aborted) throw failure;
    }
    // Half of a file may be refused in any way, or pass for a whole one.
    const changed = await revisions.firstChanged();
    if (changed !== undefined) {
      await servable?.unload();
      throw changedMeanwhile(id, changed, failure);
    }
    if (servable === undefined) throw failure;
    return servable;
  }

  /**
   * Bytes of the host's memory that the version will take: 1.2 times what its files hold, as TF Serving reckons it; 0 for
   * one that is to run on another device, whose own memory is looked at when it is loaded.
   *
   * @throws ServingError NOT_FOUND without a model file, CANCELLED when the signal is aborted, UNAVAILABLE where a folder
   *   cannot be read.
   */
  async estimate(id: ServableId, path: string, signal?: AbortSignal): Promise<number> {
    await assertModelFile(id, path, join(path, modelFile));
    const plans = planDevices(this.#devices(id) ?? {}, this.#engine.growth);
    if (!plans.some(({ isOnHost }) => isOnHost)) return 0;
    try {
      return Math.ceil(memoryPerDiskByte * (await diskBytes(path, signal)));
    } catch (error) {
      throw loadError(id, ServingError.from(error, 'UNAVAILABLE'));
    }
  }

  async #load(
    id: ServableId,
    path: string,
    revisions: Revisions,
    signal: AbortSignal | undefined,
  ): Promise<Servable> {
    const file = join(path, modelFile);
    await revisions.note([file, join(path, signaturesFile)]);
    const header = await this.#engine.readHeader(file, signal);
    const locations = header.externalLocations;
    const beside = locations.filter((it) => !isAbsolute(it)).map((it) => join(path, it));
    const ownBytes = revisions.bytes;
    await revisions.note(beside);
    const options = this.#sessionOptions(id) ?? {};
    const isCopied = locations.length > 0 && options.externalData !== 'mapped';
    const copy = isCopied ? await PrivateCopy.make(file, locations, signal) : undefined;
    let devices: OpenDevices | undefined;
    try {
      const wanted = this.#devices(id) ?? {};
      const plans = planDevices(wanted, this.#engine.growth);
      const model = this.#describe(id, path, { header, files: [file, ...beside], options, wanted });
      const load = {
        options,
        file: copy?.file ?? file,
        prepare: async (plan: DevicePlan) => (plan.kind === 'tensorrt' ? prepareTensorRt(plan, model) : plan),
        weightBytes: header.weightBytes + revisions.bytes - ownBytes,
        signal,
      };
      devices = await openDevices(this.#toLoad(load, wanted), plans).catch((error) =>
        explained(error, file, copy),
      );
      if (signal?.aborted) throw cancelled(signal);
      const [{ open }] = devices.sessions as readonly [DeviceSession];
      const signatures = await readSignatures(open, path);
      return new OnnxServable({
        engine: this.#engine,
        id,
        devices,
        signatures,
        options: {
          sharesArena: open.memory?.arena !== undefined || usesSharedArena(options),
          ranges: isBuilt(plans, devices) ? rangesOf(model) : undefined,
        },
        fileBytes: revisions.bytes,
        onUnload: async () => copy?.remove(),
        watch: this.#watch,
      });
    } catch (error) {
      if (devices !== undefined) await closeDevices(this.#engine, devices.sessions);
      throw error;
    } finally {
      await copy?.remove();
    }
  }

  /** What TensorRT must be told of a model before it is built. */
  #describe(id: ServableId, path: string, { header, files, options, wanted }: PreparedModel): TensorRtModel {
    return {
      engine: this.#engine,
      options: wanted.tensorrt ?? {},
      cacheDirectory: this.#cacheDirectory,
      versionPath: path,
      files,
      inputs: header.inputs,
      rows: this.#rows(id) ?? { min: 1, opt: 1, max: 1 },
      freeDimensions: options.freeDimensions,
    };
  }

  #toLoad(
    load: Pick<DeviceLoad, 'file' | 'options' | 'prepare' | 'weightBytes' | 'signal'>,
    { fallback = 'fail', gpuMemoryLimitBytes: limitBytes, shrinkArena = false }: DeviceOptions,
  ): DeviceLoad {
    const ownLimit = limitBytes === undefined ? undefined : { limitName: 'gpuMemoryLimitBytes', limitBytes };
    return { ...load, engine: this.#engine, fallback, ownLimit, shrinkArena };
  }
}

/** Whether runs are those of engines that TensorRT has built. */
function isBuilt(plans: readonly DevicePlan[], { status }: OpenDevices): boolean {
  return status.fallback === undefined && plans.some(({ kind }) => kind === 'tensorrt');
}

/** What is known of a model before it is built. */
interface PreparedModel {
  readonly header: ModelHeader;
  readonly files: readonly string[];
  readonly options: SessionOptions;
  readonly wanted: DeviceOptions;
}

/** What onnxruntime says of a file, with what the file looks like, and without a word of the copy. */
async function explained(error: unknown, file: string, copy: PrivateCopy | undefined): Promise<never> {
  if (!(error instanceof OrtError)) throw error;
  const hint = await describeForeignFile(file);
  const message = copy?.describe(error.message) ?? error.message;
  throw new OrtError(error.ortCode, hint === undefined ? message : `${message} (${hint})`);
}

function usesSharedArena({ configEntries }: SessionOptions): boolean {
  return configEntries?.['session.use_env_allocators'] === '1';
}

function changedMeanwhile(id: ServableId, file: string, cause: ServingError | undefined): ServingError {
  return new ServingError(
    'ABORTED',
    `Cannot load ${formatServableId(id)}: its files changed while it was loaded`,
    { id, actual: `${file} changed`, expected: 'files that nobody writes to', cause },
  );
}

async function assertModelFile(id: ServableId, path: string, file: string): Promise<void> {
  try {
    if ((await stat(file)).isFile()) return;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT' || code === 'ENOTDIR' ? `no ${modelFile} in ${path}` : `cannot read ${file}: ${code}`;
    throw new ServingError('NOT_FOUND', `Cannot load ${formatServableId(id)}: ${reason}`, { id, cause });
  }
  throw new ServingError('NOT_FOUND', `Cannot load ${formatServableId(id)}: ${file} is not a file`, { id });
}

async function readSignatures(open: OpenSession, path: string): Promise<ReadonlyMap<string, Signature>> {
  const graph = graphSignature(open);
  const file = join(path, signaturesFile);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new ServingError('FAILED_PRECONDITION', `cannot read ${file}: ${error.code}`, { cause: error });
  });
  if (text !== undefined) return parseSignatures(text, graph, file);
  const embedded = open.metadata.custom[signaturesKey];
  if (embedded !== undefined) return parseSignatures(embedded, graph, `metadata key ${signaturesKey}`);
  return new Map([[graph.name, graph]]);
}
