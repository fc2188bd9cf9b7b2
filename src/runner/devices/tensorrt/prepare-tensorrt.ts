import { join } from 'node:path';
import type { OrtEngine } from '../../engine.js';
import type { HeaderInput } from '../../files/model-header.js';
import type { DevicePlan } from '../device-plan.js';
import { type EngineFolders, prepareEngineCache } from './engine-cache.js';
import { type ShapeRanges, shapeRanges } from './shape-ranges.js';
import type { RowRange, TensorRtOptions } from './tensorrt-options.js';
import { tensorRtProvider } from './tensorrt-provider.js';

/** What TensorRT is told of a model before it builds it. */
export interface TensorRtModel {
  readonly engine: OrtEngine;
  readonly options: TensorRtOptions;
  /** The cache of engines, where the options do not name one. */
  readonly cacheDirectory: string;
  /** The version's directory. */
  readonly versionPath: string;
  /** The files that the model is made of, with their whole paths. */
  readonly files: readonly string[];
  readonly inputs: readonly HeaderInput[];
  readonly rows: RowRange;
  readonly freeDimensions?: Readonly<Record<string, number>> | undefined;
}

/**
 * The shapes that engines are built for.
 *
 * @throws ServingError FAILED_PRECONDITION, INVALID_ARGUMENT: see `shapeRanges`
 */
export function rangesOf({ inputs, rows, options, freeDimensions }: TensorRtModel): ShapeRanges {
  return shapeRanges(inputs, rows, options.shapes, freeDimensions);
}

/**
 * The plan for TensorRT on one device: with its options, the shapes, and the folder where its engines are.
 *
 * @throws ServingError FAILED_PRECONDITION where the GPU, a file or the folder cannot be had; INVALID_ARGUMENT
 */
export async function prepareTensorRt(plan: DevicePlan, model: TensorRtModel): Promise<DevicePlan> {
  const { options, versionPath } = model;
  const ranges = rangesOf(model);
  const folders = options.cacheDirectory === false ? undefined : await foldersOf(plan, model, ranges);
  // Without a folder of engines the table is read from where it is.
  const table =
    options.int8 &&
    (folders ? options.int8.calibrationTable : join(versionPath, options.int8.calibrationTable));
  const told = { ranges, ...folders, calibrationTable: table };
  return { ...plan, providers: [tensorRtProvider(plan.index, options, told), ...plan.providers] };
}

async function foldersOf(
  { index }: DevicePlan,
  model: TensorRtModel,
  ranges: ShapeRanges,
): Promise<EngineFolders> {
  const { engine, options, versionPath, files } = model;
  const { driverVersion, gpus } = await engine.gpus();
  const machine = {
    gpu: gpus.find((gpu) => gpu.index === index)?.name ?? 'unknown',
    driverVersion,
    runtimeVersion: engine.runtimeVersion ?? 'unknown',
    tensorRtVersion: await engine.tensorRtVersion(),
  };
  const folder = options.cacheDirectory || join(model.cacheDirectory, 'tensorrt');
  return await prepareEngineCache({ folder, versionPath, files, machine, options, ranges });
}
