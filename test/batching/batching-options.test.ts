import { describe, expect, it } from 'vitest';
import { type BatchingOptions, resolveBatching } from '#dist/batching/batching-options.js';
import { caught } from '../support/caught.js';

describe('resolveBatching', () => {
  it("fills in TF Serving's defaults, but that large requests are cut", () => {
    expect(resolveBatching({}, 'batching')).toEqual({
      maxRows: 1000,
      batchTimeoutMicros: 0,
      maxEnqueuedBatches: 10,
      allowedBatchSizes: [],
      isPadding: false,
      padValue: {},
      isSplitting: true,
      latencyTargetMicros: undefined,
      batchSafety: 'verify',
    });
  });

  it.each<[BatchingOptions, number]>([
    [{ maxBatchSize: 32 }, 32],
    [{ maxBatchSize: 32, maxExecutionBatchSize: 8 }, 8],
    [{ allowedBatchSizes: [1, 8] }, 8],
    [{ allowedBatchSizes: [1, 8], maxBatchSize: 8, enableLargeBatchSplitting: false }, 8],
    [{ allowedBatchSizes: [2], maxBatchSize: 8, maxExecutionBatchSize: 2 }, 2],
  ])('%j: batches of at most %i rows', (options, maxRows) => {
    expect(resolveBatching(options, 'batching').maxRows).toBe(maxRows);
  });

  it('copies what the caller may change later', () => {
    const allowedBatchSizes = [1, 2];
    const padValue: Record<string, number> = { x: 1 };
    const resolved = resolveBatching({ allowedBatchSizes, padValue }, 'batching');
    allowedBatchSizes.push(3);
    padValue.x = 2;
    expect(resolved).toMatchObject({ allowedBatchSizes: [1, 2], padValue: { x: 1 } });
  });

  it.each<[object, string, string]>([
    [{ maxBatchSize: 0 }, 'maxBatchSize', 'got 0, expected an integer of at least 1'],
    [{ maxBatchSize: 1.5 }, 'maxBatchSize', 'got 1.5'],
    [{ batchTimeoutMicros: -1 }, 'batchTimeoutMicros', 'expected a number of at least 0'],
    [{ batchTimeoutMicros: Number.NaN }, 'batchTimeoutMicros', 'got NaN'],
    [{ batchTimeoutMicros: Number.POSITIVE_INFINITY }, 'batchTimeoutMicros', 'got Infinity'],
    [{ maxEnqueuedBatches: 0 }, 'maxEnqueuedBatches', 'got 0'],
    [{ allowedBatchSizes: 4 }, 'allowedBatchSizes', 'expected an array of sizes'],
    [{ allowedBatchSizes: [0] }, 'allowedBatchSizes[0]', 'got 0'],
    [{ allowedBatchSizes: [4, 2] }, 'allowedBatchSizes', 'expected ascending sizes'],
    [
      { allowedBatchSizes: [1, 3], maxBatchSize: 4 },
      'allowedBatchSizes',
      'a last entry that matches maxBatchSize; last entry was 3; expected 4',
    ],
    [
      { allowedBatchSizes: [4], maxBatchSize: 4, maxExecutionBatchSize: 2 },
      'allowedBatchSizes',
      'matches maxExecutionBatchSize; last entry was 4; expected 2',
    ],
    [
      { maxBatchSize: 2, maxExecutionBatchSize: 3 },
      'maxExecutionBatchSize',
      'at most maxBatchSize, which is 2',
    ],
    [
      { maxExecutionBatchSize: 3, enableLargeBatchSplitting: false },
      'maxExecutionBatchSize',
      'expected enableLargeBatchSplitting beside it',
    ],
    [{ padVariableLengthInputs: 1 }, 'padVariableLengthInputs', 'one of true, false'],
    [{ padValue: { x: [] } }, 'padValue["x"]', 'expected a number, a bigint, a boolean or a string'],
    [{ padValue: 0 }, 'padValue', 'an object of values by input alias'],
    [{ batchSafety: 'maybe' }, 'batchSafety', 'one of "verify", "require", "trust"'],
    [{ latencyTargetMicros: 0 }, 'latencyTargetMicros', 'got 0'],
    [
      { latencyTargetMicros: 5, batchTimeoutMicros: 5 },
      'batchTimeoutMicros',
      'none beside latencyTargetMicros',
    ],
  ])('refuses %j', (options, option, message) => {
    const error = caught(() => resolveBatching(options, 'models[0].batching'));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', option: `models[0].batching.${option}` });
    expect(error.message).toContain(message);
  });

  it.each([
    [true, 'models[0].batching'],
    [null, 'models[0].batching'],
    [{ maxBatchsize: 1 }, 'models[0].batching.maxBatchsize'],
  ])('refuses %j for being no such object', (options, option) => {
    expect(caught(() => resolveBatching(options as never, 'models[0].batching'))).toMatchObject({ option });
  });
});
