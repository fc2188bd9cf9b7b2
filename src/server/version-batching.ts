import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BatchingOptions } from '../batching/batching-options.js';
import { parseBatchingParameters } from '../config/batching-parameters.js';
import { ServingError } from '../core/errors.js';
import { formatServableId, type ServableId } from '../core/servable-id.js';
import type { ModelOptions } from '../options/model-options.js';

/** Where a version says how its requests share runs. Source: TF Serving, `kBatchingParamsFilename`. */
const parametersFile = 'batching_params.pbtxt';

/** How the requests of each version share runs: as its model's options say, or as a file of the version's own does. */
export class VersionBatching {
  readonly #ofModel: (model: string) => ModelOptions['batching'];
  /** What the files of versions say that were read, and have not ended. */
  readonly #read = new Map<string, BatchingOptions | false>();

  /** @param ofModel what the options of a model say; undefined for one that is not known. */
  constructor(ofModel: (model: string) => ModelOptions['batching']) {
    this.#ofModel = ofModel;
  }

  /**
   * Finds out, before the version is loaded.
   *
   * @param path the version's directory
   * @throws ServingError INVALID_ARGUMENT for a file that cannot be understood; UNAVAILABLE for one that cannot be read.
   */
  async read(id: ServableId, path: string): Promise<BatchingOptions | false> {
    const batching = this.#ofModel(id.model) ?? false;
    if (batching !== 'file') return batching;
    const own = await readParameters(id, join(path, parametersFile));
    this.#read.set(formatServableId(id), own);
    return own;
  }

  /** The same, once it is known; false before. */
  get(id: ServableId): BatchingOptions | false {
    const batching = this.#ofModel(id.model) ?? false;
    return batching === 'file' ? (this.#read.get(formatServableId(id)) ?? false) : batching;
  }

  /** A version has ended. */
  forget(id: ServableId): void {
    this.#read.delete(formatServableId(id));
  }
}

/** False where there is no such file: then requests run alone, as in TF Serving. */
async function readParameters(id: ServableId, file: string): Promise<BatchingOptions | false> {
  const action = `Cannot load ${formatServableId(id)}`;
  try {
    return parseBatchingParameters(await readFile(file, 'utf8'), { file }).batching;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    const { code, message, facts } = ServingError.from(cause, 'UNAVAILABLE');
    throw new ServingError(code, `${action}: ${message}`, { ...facts, id, cause });
  }
}
