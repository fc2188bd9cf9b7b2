import type { ProviderOptions } from '../../session-options.js';
import { providerFlag } from '../provider-flag.js';
import { formatShapes, type ShapeRanges } from './shape-ranges.js';
import type { TensorRtOptions } from './tensorrt-options.js';

/** What is known of a model when it is loaded, beside its options. */
export interface TensorRtPlan {
  readonly ranges: ShapeRanges;
  /** Where the engines of this model on this device are; undefined where none are kept. */
  readonly engineFolder?: string | undefined;
  /** Where what was measured of kernels on this device is; models share it. */
  readonly timingFolder?: string | undefined;
  /** The file with the ranges of int8, in the folder of engines; a whole path where there is no such folder. */
  readonly calibrationTable?: string | undefined;
}

/**
 * The TensorRT provider with its options in onnxruntime's words; only what was asked for is said.
 *
 * Source of the keys: onnxruntime, core/providers/tensorrt/tensorrt_execution_provider_info.cc.
 */
export function tensorRtProvider(
  index: number,
  options: TensorRtOptions,
  { ranges, engineFolder, timingFolder, calibrationTable }: TensorRtPlan,
): ProviderOptions {
  const { fp16, int8, workspaceBytes, builderOptimizationLevel } = options;
  return {
    name: 'tensorrt',
    options: {
      device_id: String(index),
      ...(fp16 !== undefined && { trt_fp16_enable: providerFlag(fp16) }),
      ...(int8 && {
        trt_int8_enable: '1',
        trt_int8_calibration_table_name: calibrationTable ?? int8.calibrationTable,
        trt_int8_use_native_calibration_table: providerFlag(int8.isNative ?? false),
      }),
      ...(workspaceBytes !== undefined && { trt_max_workspace_size: String(workspaceBytes) }),
      ...(builderOptimizationLevel !== undefined && {
        trt_builder_optimization_level: String(builderOptimizationLevel),
      }),
      ...(engineFolder !== undefined && {
        trt_engine_cache_enable: '1',
        trt_engine_cache_path: engineFolder,
      }),
      ...(timingFolder !== undefined && {
        trt_timing_cache_enable: '1',
        trt_timing_cache_path: timingFolder,
      }),
      ...(Object.keys(ranges).length > 0 && {
        trt_profile_min_shapes: formatShapes(ranges, 'min'),
        trt_profile_opt_shapes: formatShapes(ranges, 'opt'),
        trt_profile_max_shapes: formatShapes(ranges, 'max'),
      }),
    },
  };
}
