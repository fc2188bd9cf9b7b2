import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ServingError } from '../../core/errors.js';
import type { BatchingStatus, ModelMetadata } from '../../core/servable.js';
import type { Signature } from '../../core/signature.js';
import { inShort } from '../../runner/devices/device-plan.js';
import type { OrtEngine } from '../../runner/engine.js';
import { readModelHeader } from '../../runner/files/model-header.js';
import { type ModelOrigin, readModelOrigin } from '../../runner/files/model-origin.js';
import { type LoadedVersion, type LoadOptions, withVersion } from '../model/loaded-version.js';
import type { ModelTarget } from '../model/model-target.js';
import { summariseWarmup, type WarmupSummary } from './warmup-summary.js';

export interface InspectedFile {
  readonly path: string;
  /** Undefined where it is not there. */
  readonly bytes: number | undefined;
}

/** What could be found out about a model: of its files always, of the rest where it can be loaded. */
export interface Inspection {
  readonly model: string;
  readonly version: number;
  /** Of a base path: all that are there, highest first. */
  readonly versions?: readonly number[] | undefined;
  readonly file: InspectedFile;
  /** Where its weights are that lie beside it. */
  readonly externalData: readonly InspectedFile[];
  readonly origin: ModelOrigin;
  /** Undefined where there is no such file. */
  readonly warmup?: WarmupSummary | undefined;
  readonly loaded?: LoadedFacts | undefined;
  /** Why it cannot be loaded. */
  readonly error?: ServingError | undefined;
}

/** What only onnxruntime can say. */
export interface LoadedFacts {
  readonly metadata: Omit<ModelMetadata, 'modelVersion'> & {
    /** As text, since it may have 64 bits; undefined where the file does not say. */
    readonly modelVersion: string | undefined;
  };
  readonly signatures: readonly Signature[];
  readonly devices: readonly string[];
  /** How many operators which provider runs, in the graph as onnxruntime has optimised it. */
  readonly nodes: Readonly<Record<string, number>>;
  /** Whether requests may share runs, and why not. */
  readonly batching: BatchingStatus;
}

/** What onnxruntime says of a file that does not say: the highest number of 64 bits. */
const noModelVersion = 2n ** 63n - 1n;

/** Enough to see whether rows may share a run. */
const trialBatch = { maxBatchSize: 32 } as const;

/** Looks at a model from all sides. @throws the error of the file system where its file cannot be read. */
export async function inspectModel(
  target: ModelTarget,
  options: Pick<LoadOptions, 'device'>,
): Promise<Inspection> {
  const { name: model, version, versions, file, directory } = target;
  const locations = readModelHeader(file).externalLocations;
  const known = {
    model,
    version,
    ...(versions && { versions }),
    file: inspectFile(file),
    externalData: locations.map((location) => inspectFile(join(dirname(file), location))),
    origin: readModelOrigin(file),
    warmup: directory === undefined ? undefined : await summariseWarmup(directory),
  };
  try {
    return {
      ...known,
      loaded: await withVersion(target, { ...options, batching: trialBatch }, factsOf(file)),
    };
  } catch (error) {
    return { ...known, error: ServingError.from(error) };
  }
}

function inspectFile(path: string): InspectedFile {
  return { path, bytes: statSync(path, { throwIfNoEntry: false })?.size };
}

function factsOf(file: string): (version: LoadedVersion) => Promise<LoadedFacts> {
  return async ({ servable, engine }) => {
    const { metadata, signatures, batching = { isOn: false }, device } = servable;
    const { modelVersion } = metadata;
    const isSaid = modelVersion !== 0n && modelVersion !== noModelVersion;
    return {
      metadata: { ...metadata, modelVersion: isSaid ? String(modelVersion) : undefined },
      signatures: [...signatures.values()],
      devices: device?.devices ?? [],
      nodes: device?.nodes ?? (await countNodes(engine, file)),
      batching,
    };
  };
}

/** On the CPU nobody counts while a model is served. */
async function countNodes(engine: OrtEngine, file: string): Promise<Readonly<Record<string, number>>> {
  const session = await engine.openSession(file, {}, { countsNodes: true });
  await engine.closeSession(session);
  return inShort(session.nodes ?? {});
}
