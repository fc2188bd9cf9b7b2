import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ServingError } from '../../../core/errors.js';
import type { ShapeRanges } from './shape-ranges.js';
import type { TensorRtOptions } from './tensorrt-options.js';

/** What engines fit, beside their model: with another of these they would be built anew, or must be. */
export interface EngineMachine {
  /** The GPU's name as its driver has it. */
  readonly gpu: string;
  readonly driverVersion: string;
  /** Of onnxruntime. */
  readonly runtimeVersion: string;
  /** Of TensorRT. */
  readonly tensorRtVersion: string;
}

export interface EngineCacheRequest {
  /** The cache of all models. */
  readonly folder: string;
  /** The version's directory. */
  readonly versionPath: string;
  /** The files that the model is made of, with their whole paths. */
  readonly files: readonly string[];
  readonly machine: EngineMachine;
  readonly options: TensorRtOptions;
  /** The shapes that engines are built for. */
  readonly ranges: ShapeRanges;
}

/** Folders that exist and hold what an engine needs to be found, or built. */
export interface EngineFolders {
  readonly engineFolder: string;
  readonly timingFolder: string;
}

/**
 * Makes the folder of a model's engines, `<cache>/<gpu and versions>/<hash of the model, its options and shapes>`, and puts the
 * calibration table there, where TensorRT looks for it. Models that are the same share engines, whatever they
 * are called.
 *
 * @throws ServingError FAILED_PRECONDITION where a file cannot be read, or the folder not be written.
 */
export async function prepareEngineCache(request: EngineCacheRequest): Promise<EngineFolders> {
  const { folder, versionPath, files, machine, options, ranges } = request;
  const { cacheDirectory: _where, shapes: _part, int8, ...building } = options;
  const table = int8 && join(versionPath, int8.calibrationTable);
  try {
    const hash = createHash('sha256');
    for (const file of table === undefined ? files : [...files, table]) {
      hash.update(`${basename(file)}\0`);
      await pipeline(createReadStream(file), hash, { end: false });
    }
    hash.update(JSON.stringify([building, int8 ?? null, ranges]));
    const timingFolder = join(folder, machineFolder(machine));
    const engineFolder = join(timingFolder, hash.digest('hex').slice(0, 32));
    await mkdir(engineFolder, { recursive: true });
    if (table !== undefined) await copyFile(table, join(engineFolder, basename(table)));
    return { engineFolder, timingFolder };
  } catch (cause) {
    const { message } = cause as Error;
    throw new ServingError('FAILED_PRECONDITION', `Cannot prepare the folder of its engines: ${message}`, {
      actual: message,
      expected: `a folder ${folder} that can be written`,
      cause,
    });
  }
}

/** Readable, and a name on every file system. */
function machineFolder({ gpu, driverVersion, runtimeVersion, tensorRtVersion }: EngineMachine): string {
  const text = `${gpu}-driver${driverVersion}-ort${runtimeVersion}-trt${tensorRtVersion}`;
  return text.replaceAll(/[^\w.-]+/g, '_');
}
