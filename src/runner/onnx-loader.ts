import { open as openFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cancelled, ServingError } from '../core/errors.js';
import type { Loader, Servable } from '../core/servable.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { Signature } from '../core/signature.js';
import { parseSignatures } from '../core/signature-json.js';
import type { OrtEngine } from './engine.js';
import { graphSignature } from './graph-signature.js';
import { OnnxServable } from './onnx-servable.js';
import type { OpenSession } from './ort/session.js';
import { loadError } from './ort/status.js';
import type { SessionOptions } from './session-options.js';

/** The model file in a version directory. */
const modelFile = 'model.onnx';
/** Signatures beside the model, and the key of the same JSON in its metadata; the file has the last word. */
const signaturesFile = 'signatures.json';
const signaturesKey = 'servable.signatures';

export interface OnnxLoaderOptions {
  readonly engine: OrtEngine;
  /** How a model's sessions are made; onnxruntime's defaults and ours where it returns nothing. */
  readonly sessionOptions?: (id: ServableId) => SessionOptions | undefined;
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

  constructor(options: OnnxLoaderOptions) {
    this.#engine = options.engine;
    this.#sessionOptions = options.sessionOptions ?? (() => undefined);
  }

  /**
   * Loads a version on a load thread.
   *
   * @throws ServingError NOT_FOUND without a model file, DATA_LOSS for a file that is no ONNX model, UNIMPLEMENTED for
   *   inputs, outputs or operators that cannot be served, FAILED_PRECONDITION for whatever else is wrong with the
   *   model or its signatures, CANCELLED when the signal is aborted, RESOURCE_EXHAUSTED, UNAVAILABLE.
   */
  async load(id: ServableId, path: string, signal?: AbortSignal): Promise<Servable> {
    const file = join(path, modelFile);
    await assertModelFile(id, path, file);
    const options = this.#sessionOptions(id) ?? {};
    const open = await this.#open(id, file, options, signal);
    try {
      if (signal?.aborted) throw cancelled(signal);
      const signatures = await readSignatures(open, path);
      return new OnnxServable(this.#engine, id, open, signatures, options);
    } catch (error) {
      await this.#engine.closeSession(open);
      throw loadError(id, error);
    }
  }

  async #open(
    id: ServableId,
    file: string,
    options: SessionOptions,
    signal?: AbortSignal,
  ): Promise<OpenSession> {
    try {
      return await this.#engine.openSession(file, options, signal);
    } catch (error) {
      const failure = loadError(id, error);
      const hint = failure.code === 'CANCELLED' ? undefined : await describeForeignFile(file);
      if (hint === undefined) throw failure;
      throw new ServingError(failure.code, `${failure.message} (${hint})`, { id, cause: error });
    }
  }
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

const gitLfsPointer = 'version https://git-lfs.github.com';

/** What a file that onnxruntime refused looks like, where that is plain to see. */
async function describeForeignFile(file: string): Promise<string | undefined> {
  try {
    const handle = await openFile(file);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(64), 0, 64, 0);
      const start = buffer.toString('latin1', 0, bytesRead);
      if (bytesRead === 0) return 'the file is empty';
      if (start.startsWith(gitLfsPointer))
        return 'the file is a Git LFS pointer: fetch the model with git lfs pull';
      if (/^\s*<(!doctype|html|\?xml)/i.test(start)) return 'the file is a web page, not a model';
      return undefined;
    } finally {
      await handle.close();
    }
  } catch {
    return undefined; // the file has vanished; onnxruntime's reason stands alone
  }
}
