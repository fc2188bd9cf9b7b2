import { describe, expect, it } from 'vitest';
import { resolveBatching } from '#dist/batching/batching-options.js';
import { parseBatchingParameters } from '#dist/config/batching-parameters.js';
import { caught } from '../support/caught.js';

const file = '/etc/batching.config';
const parse = (text: string) => parseBatchingParameters(text, { file });

describe('batching parameters', () => {
  const whole = {
    batching: {
      maxBatchSize: 32,
      batchTimeoutMicros: 500,
      maxEnqueuedBatches: 100,
      allowedBatchSizes: [8, 16],
      padVariableLengthInputs: true,
      enableLargeBatchSplitting: true,
      maxExecutionBatchSize: 16,
    },
    numBatchThreads: 4,
    threadPoolName: 'batch_threads',
  };

  it('are read from text format', () => {
    const text = `
      max_batch_size { value: 32 }
      batch_timeout_micros: { value: 500 }
      max_enqueued_batches < value: 100 >
      num_batch_threads { value: 4 } # all models share them
      thread_pool_name { value: "batch_threads" }
      allowed_batch_sizes: 8
      allowed_batch_sizes: 16
      pad_variable_length_inputs: t
      enable_large_batch_splitting { value: true }
      max_execution_batch_size { value: 16 }`;
    expect(parse(text)).toEqual(whole);
  });

  it.each([
    '{"maxBatchSize": 32, "batchTimeoutMicros": "500", "maxEnqueuedBatches": 100, "numBatchThreads": "4", "threadPoolName": "batch_threads", "allowedBatchSizes": ["8", 16], "padVariableLengthInputs": true, "enableLargeBatchSplitting": true, "maxExecutionBatchSize": 16}',
    '{"max_batch_size": "32", "batch_timeout_micros": 500, "max_enqueued_batches": 100, "num_batch_threads": 4, "thread_pool_name": "batch_threads", "allowed_batch_sizes": [8, 16], "pad_variable_length_inputs": true, "enable_large_batch_splitting": true, "max_execution_batch_size": 16}',
  ])('are read from JSON: %s', (text) => {
    expect(parse(text)).toEqual(whole);
  });

  it('become options of a model', () => {
    expect(
      resolveBatching(parse('max_batch_size { value: 4 } allowed_batch_sizes: [2, 4]').batching, 'batching'),
    ).toMatchObject({
      maxRows: 4,
      allowedBatchSizes: [2, 4],
      isSplitting: false,
    });
  });

  it.each<[string, object]>([
    ['', {}],
    ['# nothing', {}],
    ['{}', {}],
    ['enable_large_batch_splitting {}', {}],
    ['enable_large_batch_splitting { value: false }', {}],
    ['batch_timeout_micros {}', { batchTimeoutMicros: 0 }],
    ['pad_variable_length_inputs: false', { padVariableLengthInputs: false }],
    ['max_execution_batch_size { value: 8 }', {}],
    ['max_enqueued_batches { value: 0 }', { maxEnqueuedBatches: 1 }],
  ])('split nothing where they do not say so, as in TF Serving: "%s"', (text, batching) => {
    expect(parse(text)).toEqual({ batching: { ...batching, enableLargeBatchSplitting: false } });
  });

  it('have a name for the threads where it is empty', () => {
    expect(parse('thread_pool_name {}').threadPoolName).toBe('');
  });

  it.each<[string, string, string]>([
    ['num_batch_threads { value: 0 }', 'num_batch_threads must be positive; was 0', 'num_batch_threads'],
    ['num_batch_threads {}', 'num_batch_threads must be positive; was 0', 'num_batch_threads'],
    ['max_batch_size { value: -3 }', 'max_batch_size must be positive; was -3', 'max_batch_size'],
    ['{"maxBatchSize": 0}', 'max_batch_size must be positive; was 0', 'max_batch_size'],
    [
      'max_enqueued_batches { value: 0 } enable_large_batch_splitting { value: true }',
      'max_enqueued_batches must be positive; was 0',
      'max_enqueued_batches',
    ],
    ['allowed_batch_sizes: [8, 0]', 'allowed_batch_sizes must be positive; was 0', 'allowed_batch_sizes'],
    [
      'batch_timeout_micros { value: -1 }',
      'batch_timeout_micros: got -1, expected an integer from 0 to 2^53 - 1',
      'batch_timeout_micros',
    ],
    [
      'max_batch_size { value: 9223372036854775807 }',
      'max_batch_size: got 9223372036854775807, expected an integer from 1 to 2^53 - 1',
      'max_batch_size',
    ],
  ])('are refused: %s', (text, what, option) => {
    expect(caught(() => parse(text))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `Cannot use config file '${file}': ${what}`,
      option,
    });
  });

  it.each<[string, string]>([
    ['max_batch_size: 32', 'expected message value (line 1)'],
    ['\nmax_batch_size { value: 1.5 }', 'integer value expected (line 2)'],
    [
      '\nmax_batch_size { value: 1 }\nmax_batch_size { value: 2 }',
      'tensorflow.serving.BatchingParameters.max_batch_size: multiple values (line 3)',
    ],
    ['padding: "on"', "tensorflow.serving.BatchingParameters: unknown field 'padding' (line 1)"],
  ])('say what is wrong with %j', (text, what) => {
    expect(caught(() => parse(text)).message).toBe(`Invalid protobuf file: '${file}': ${what}`);
  });
});
