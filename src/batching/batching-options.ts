import { assertKeys, assertNumber, assertObject, assertOneOf, optionError } from '../core/option-check.js';

/** What fills up shorter rows: a number, a bigint or a boolean for numeric inputs, text for strings. */
export type PadValue = number | bigint | boolean | string;

/** What is done about a model whose rows must not share a run; see {@link BatchingOptions.batchSafety}. */
export type BatchSafety = 'verify' | 'require' | 'trust';

/**
 * How requests to a model share runs. Names, defaults and meanings are those of TF Serving's batching parameters
 * (session_bundle_config.proto), but where it says otherwise.
 */
export interface BatchingOptions {
  /**
   * Rows of a batch, at most. At least 1.
   *
   * @default 1000, as TF Serving
   */
  readonly maxBatchSize?: number;
  /**
   * Microseconds that a batch that is not full waits for company, from its first row on, while a thread is idle. 0: none;
   * what comes while all threads are busy goes together all the same.
   *
   * Not to be given together with `latencyTargetMicros`, which chooses the wait itself.
   *
   * @default 0, as TF Serving
   */
  readonly batchTimeoutMicros?: number;
  /**
   * Batches of a version that wait, the one that is still open included, those that run not. A request that finds no
   * room is refused with UNAVAILABLE. At least 1.
   *
   * @default 10, as TF Serving
   */
  readonly maxEnqueuedBatches?: number;
  /**
   * Sizes that a run may have, ascending; a batch is filled up to the next one with copies of a row, whose answers are
   * dropped. For engines that prepare each size (TensorRT, XLA). The last is the largest batch, `maxExecutionBatchSize`
   * with splitting and `maxBatchSize` without; they default to it.
   *
   * @default []: any size
   */
  readonly allowedBatchSizes?: readonly number[];
  /**
   * Lets requests that differ in the size of other axes than 0 share a batch: the shorter ones are filled up with
   * `padValue`, at the end of each axis. An output axis that the model calls by the name of a padded input axis is cut
   * back to the request's own size.
   *
   * @default false: requests of different shapes never meet
   */
  readonly padVariableLengthInputs?: boolean;
  /**
   * What is put there, by input alias.
   *
   * @default 0 for numbers, false, and '' for strings. TF Serving takes the first element of the request instead
   */
  readonly padValue?: Readonly<Record<string, PadValue>>;
  /**
   * Whether a request that is larger than a batch is cut into several, and its answer put together again. Without it,
   * such a request is refused with INVALID_ARGUMENT.
   *
   * @default true; TF Serving refuses
   */
  readonly enableLargeBatchSplitting?: boolean;
  /**
   * Rows of a batch, at most, with splitting. At most `maxBatchSize`.
   *
   * @default maxBatchSize
   */
  readonly maxExecutionBatchSize?: number;
  /**
   * Microseconds within which 99 of 100 answers are to be there. Batch sizes and waits are then chosen from what runs
   * are seen to cost, and a request that cannot be answered in time is refused with UNAVAILABLE at once.
   *
   * @default none
   */
  readonly latencyTargetMicros?: number;
  /**
   * Before a version becomes AVAILABLE, rows are run alone and together. Where the answers differ,
   *
   * - `verify`: the version is served without batching, and its status says why;
   * - `require`: it fails to load;
   * - `trust`: nobody looks.
   *
   * @default 'verify'
   */
  readonly batchSafety?: BatchSafety;
}

/** @internal The same, with every default filled in. */
export interface ResolvedBatching {
  /** Rows of a batch, at most. */
  readonly maxRows: number;
  readonly batchTimeoutMicros: number;
  readonly maxEnqueuedBatches: number;
  readonly allowedBatchSizes: readonly number[];
  readonly isPadding: boolean;
  readonly padValue: Readonly<Record<string, PadValue>>;
  readonly isSplitting: boolean;
  readonly latencyTargetMicros: number | undefined;
  readonly batchSafety: BatchSafety;
}

const keys = [
  'maxBatchSize',
  'batchTimeoutMicros',
  'maxEnqueuedBatches',
  'allowedBatchSizes',
  'padVariableLengthInputs',
  'padValue',
  'enableLargeBatchSplitting',
  'maxExecutionBatchSize',
  'latencyTargetMicros',
  'batchSafety',
];

/**
 * @internal Checks what the user wrote and fills in the defaults.
 *
 * @param path what the options are called in errors: `models[0].batching`.
 * @throws ServingError INVALID_ARGUMENT naming the option, what came and what was wanted.
 */
export function resolveBatching(options: BatchingOptions, path: string): ResolvedBatching {
  assertObject(options, path, 'an object of batching options, or false');
  assertKeys(options, path, keys);
  const {
    batchTimeoutMicros = 0,
    maxEnqueuedBatches = 10,
    allowedBatchSizes = [],
    padVariableLengthInputs = false,
    padValue = {},
    enableLargeBatchSplitting = true,
    latencyTargetMicros,
    batchSafety = 'verify',
  } = options;
  assertNumber(batchTimeoutMicros, `${path}.batchTimeoutMicros`, { min: 0 });
  assertNumber(maxEnqueuedBatches, `${path}.maxEnqueuedBatches`, { min: 1, isInteger: true });
  assertSizes(allowedBatchSizes, `${path}.allowedBatchSizes`);
  assertOneOf(padVariableLengthInputs, `${path}.padVariableLengthInputs`, [true, false]);
  assertPadValues(padValue, `${path}.padValue`);
  assertOneOf(enableLargeBatchSplitting, `${path}.enableLargeBatchSplitting`, [true, false]);
  assertOneOf(batchSafety, `${path}.batchSafety`, ['verify', 'require', 'trust']);
  if (latencyTargetMicros !== undefined) assertTarget(latencyTargetMicros, options, path);
  return {
    maxRows: resolveMaxRows(options, path),
    batchTimeoutMicros,
    maxEnqueuedBatches,
    allowedBatchSizes: [...allowedBatchSizes],
    isPadding: padVariableLengthInputs,
    padValue: { ...padValue },
    isSplitting: enableLargeBatchSplitting,
    latencyTargetMicros,
    batchSafety,
  };
}

function resolveMaxRows(options: BatchingOptions, path: string): number {
  const { allowedBatchSizes = [], enableLargeBatchSplitting = true } = options;
  const largest = allowedBatchSizes.at(-1);
  const { maxBatchSize = largest ?? 1000, maxExecutionBatchSize } = options;
  assertNumber(maxBatchSize, `${path}.maxBatchSize`, { min: 1, isInteger: true });
  const maxRows = maxExecutionBatchSize ?? maxBatchSize;
  if (maxExecutionBatchSize !== undefined) {
    const at = `${path}.maxExecutionBatchSize`;
    assertNumber(maxExecutionBatchSize, at, { min: 1, isInteger: true });
    if (!enableLargeBatchSplitting)
      throw optionError(at, maxExecutionBatchSize, 'enableLargeBatchSplitting beside it');
    if (maxRows > maxBatchSize)
      throw optionError(at, maxRows, `at most maxBatchSize, which is ${maxBatchSize}`);
  }
  if (largest !== undefined && largest !== maxRows) {
    const name = maxExecutionBatchSize === undefined ? 'maxBatchSize' : 'maxExecutionBatchSize';
    // The wording is TF Serving's as far as there is one; it finds out when the model is loaded.
    throw optionError(
      `${path}.allowedBatchSizes`,
      allowedBatchSizes,
      `a last entry that matches ${name}; last entry was ${largest}; expected ${maxRows}`,
    );
  }
  return maxRows;
}

function assertSizes(sizes: unknown, path: string): asserts sizes is readonly number[] {
  if (!Array.isArray(sizes)) throw optionError(path, sizes, 'an array of sizes');
  for (const [index, size] of sizes.entries()) {
    assertNumber(size, `${path}[${index}]`, { min: 1, isInteger: true });
    if (index > 0 && size <= sizes[index - 1]) throw optionError(path, sizes, 'ascending sizes');
  }
}

function assertPadValues(values: unknown, path: string): void {
  assertObject(values, path, 'an object of values by input alias');
  for (const [alias, value] of Object.entries(values)) {
    if (['number', 'bigint', 'boolean', 'string'].includes(typeof value)) continue;
    throw optionError(`${path}["${alias}"]`, value, 'a number, a bigint, a boolean or a string');
  }
}

function assertTarget(micros: unknown, { batchTimeoutMicros }: BatchingOptions, path: string): void {
  assertNumber(micros, `${path}.latencyTargetMicros`, { min: 1 });
  if (batchTimeoutMicros !== undefined) {
    throw optionError(`${path}.batchTimeoutMicros`, batchTimeoutMicros, 'none beside latencyTargetMicros');
  }
}
