/** How TensorRT builds and runs a model's engines. */
export interface TensorRtOptions {
  /**
   * Whether layers may compute in float16.
   *
   * @default false: what a model answers does not change by the device alone
   */
  readonly fp16?: boolean;
  /**
   * Layers compute in int8, by the ranges in a calibration table: a file in the version's directory.
   *
   * @default none
   */
  readonly int8?: Int8Options;
  /** Bytes that building an engine may use as scratch memory. At least 1. @default what TensorRT chooses */
  readonly workspaceBytes?: number;
  /**
   * The shapes that engines are built for, by graph input: those that the batching options do not say. An input whose
   * shape varies in more than its first axis must stand here.
   */
  readonly shapes?: Readonly<Record<string, ShapeRange>>;
  /**
   * Where engines are kept that have been built, which takes minutes. One folder in it for each model, device and set of
   * versions, by hash: several servers may share it. False builds anew at each load.
   *
   * @default the server's `cacheDirectory`, in `tensorrt`
   */
  readonly cacheDirectory?: string | false;
  /**
   * How long the builder searches, 0 (not) to 5 (longest).
   *
   * @default 3, as in TensorRT
   */
  readonly builderOptimizationLevel?: number;
}

/** Where the ranges come from that a model of 8 bits is built with. */
export interface Int8Options {
  /** The file with the ranges, in the version's directory: `calibration.flatbuffers`, or TensorRT's own. */
  readonly calibrationTable: string;
  /** True for a table that TensorRT itself has written, false for onnxruntime's. @default false */
  readonly isNative?: boolean;
}

/** The least, the most and the commonest shape of an input; an engine is made for the commonest. */
export interface ShapeRange {
  /** The smallest size of each axis. */
  readonly min: readonly number[];
  /** The commonest size of each axis. */
  readonly opt: readonly number[];
  /** The largest size of each axis. */
  readonly max: readonly number[];
}

/** The rows of requests that a model's runs have. */
export interface RowRange {
  /** The fewest rows of a run. */
  readonly min: number;
  /** The rows that most runs have. */
  readonly opt: number;
  /** The most rows of a run. */
  readonly max: number;
}
