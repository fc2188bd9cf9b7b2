import { defined } from '../core/defined.js';
import type { ServingError } from '../core/errors.js';
import { unusableConfig } from './config-fault.js';
import type { ConfigTextOptions } from './config-format.js';
import { toSafeInteger } from './config-integer.js';
import type { Integer } from './model-config-message.js';
import { parseMessage } from './parse-message.js';

/** The batching options that a parameters file sets; what it does not set has its default, but for the splitting. */
export interface ConfiguredBatching {
  readonly maxBatchSize?: number;
  readonly batchTimeoutMicros?: number;
  readonly maxEnqueuedBatches?: number;
  readonly allowedBatchSizes?: readonly number[];
  readonly padVariableLengthInputs?: boolean;
  /** False where the file does not say, as in TF Serving; without a file, the default is another. */
  readonly enableLargeBatchSplitting: boolean;
  /** Only with splitting: without, TF Serving does not look at it. */
  readonly maxExecutionBatchSize?: number;
}

/** What a batching parameters file says: about each model's batches, and about the threads that all models share. */
export interface BatchingParameters {
  /** What they come to for a model. */
  readonly batching: ConfiguredBatching;
  /** Of the whole server; absent where the file does not say. */
  readonly numBatchThreads?: number;
  /** Means nothing here: all models share the same threads. */
  readonly threadPoolName?: string;
}

type Wrapped<T> = { readonly value?: T } | null;

/** tensorflow.serving.BatchingParameters as protobufjs reads it. */
interface Message {
  readonly max_batch_size?: Wrapped<Integer>;
  readonly batch_timeout_micros?: Wrapped<Integer>;
  readonly max_enqueued_batches?: Wrapped<Integer>;
  readonly num_batch_threads?: Wrapped<Integer>;
  readonly thread_pool_name?: Wrapped<string>;
  readonly enable_large_batch_splitting?: Wrapped<boolean>;
  readonly max_execution_batch_size?: Wrapped<Integer>;
  readonly allowed_batch_sizes?: readonly Integer[];
  readonly pad_variable_length_inputs?: boolean;
}

type NumberField = {
  [K in keyof Message]-?: Message[K] extends Wrapped<Integer> | undefined ? K : never;
}[keyof Message];

/**
 * Reads the text of a `--batching_parameters_file` or a `batching_params.pbtxt`: `BatchingParameters` in protobuf's text
 * format (`max_batch_size { value: 32 }`), or the same as JSON (`{"maxBatchSize": 32}`).
 *
 * Whether the sizes fit together is for the batching options to say, which they become.
 *
 * Source: TF Serving, servables/tensorflow/session_bundle_config.proto.
 *
 * @throws ServingError INVALID_ARGUMENT where the text cannot be understood, as `parseModelConfig` does, or where a number
 *   is too small or beyond 2^53 - 1.
 */
export function parseBatchingParameters(text: string, options: ConfigTextOptions): BatchingParameters {
  const message: Message = parseMessage('BatchingParameters', text, options);
  const read = numberReader(message, options.file);
  const enableLargeBatchSplitting = message.enable_large_batch_splitting?.value === true;
  const batching = defined({
    maxBatchSize: read('max_batch_size', 1),
    batchTimeoutMicros: read('batch_timeout_micros', 0),
    maxEnqueuedBatches: maxEnqueuedBatches(),
    allowedBatchSizes: message.allowed_batch_sizes?.map((size) =>
      toSafeInteger(size, 1, refusal(options.file, 'allowed_batch_sizes', size)),
    ),
    padVariableLengthInputs: message.pad_variable_length_inputs,
    maxExecutionBatchSize: enableLargeBatchSplitting ? read('max_execution_batch_size', 1) : undefined,
  });
  return {
    batching: { ...batching, enableLargeBatchSplitting },
    ...defined({
      numBatchThreads: read('num_batch_threads', 1),
      threadPoolName: message.thread_pool_name ? (message.thread_pool_name.value ?? '') : undefined,
    }),
  };

  function maxEnqueuedBatches(): number | undefined {
    const batches = read('max_enqueued_batches', enableLargeBatchSplitting ? 1 : 0);
    return batches === 0 ? 1 : batches; // as TF Serving has it, where nothing is split
  }
}

function numberReader(
  message: Message,
  file: string,
): (field: NumberField, min: number) => number | undefined {
  return (field, min) => {
    const wrapped = message[field];
    if (!wrapped) return undefined;
    const value = wrapped.value ?? 0; // a wrapper without a value holds 0
    return toSafeInteger(value, min, refusal(file, field, value, min));
  };
}

/** In TF Serving's words where it has any: for numbers that must be positive. */
function refusal(file: string, field: string, value: Integer, min = 1): (what: string) => ServingError {
  const isTooSmall = min === 1 && Number(String(value)) < 1;
  return (what) =>
    unusableConfig(file, field, isTooSmall ? `${field} must be positive; was ${value}` : `${field}: ${what}`);
}
