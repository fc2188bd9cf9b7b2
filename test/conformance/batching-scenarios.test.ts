import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BatchedOptions, ServingError, type Tensor, type TensorMap, tensor } from 'servable';
import { expect, it } from 'vitest';
import type { BatchRun } from '#dist/batching/batching-observer.js';
import { batchingBench } from '../support/batching.js';
import { caught } from '../support/caught.js';
import { rejection } from '../support/rejection.js';
import { scripted } from '../support/scripted-servable.js';
import { describeShared, sharedFolder } from '../support/shared-folder.js';
import { allTurns } from '../support/turns.js';

const file = 'cases/tf-serving.json';

interface BatchingCase {
  readonly name: string;
  readonly kind: 'batching-scenario';
  readonly request: {
    readonly params: Readonly<Record<string, unknown>>;
    readonly requests: string | readonly Readonly<Record<string, readonly number[] | number>>[];
  };
  readonly expect: {
    readonly executed_batch?: readonly number[];
    readonly wrapped_run_count?: number;
    readonly outputs?: readonly (readonly number[])[];
    readonly metrics?: Readonly<Record<string, number>>;
    readonly errors?: readonly CaseError[];
    readonly errors_all?: CaseError;
    readonly some_error?: CaseError;
  };
}

interface CaseError {
  readonly grpc_code: string;
  readonly message: string;
}

/** TF Serving's names of the parameters, in ours. TF Serving refuses large requests unless told otherwise. */
function toOptions(params: BatchingCase['request']['params']): BatchedOptions & { numBatchThreads: number } {
  const {
    max_batch_size: maxBatchSize,
    batch_timeout_micros: batchTimeoutMicros = 0,
    max_enqueued_batches: maxEnqueuedBatches = 10,
    num_batch_threads: numBatchThreads = 1,
    allowed_batch_sizes: allowedBatchSizes = [],
    pad_variable_length_inputs: padVariableLengthInputs = false,
    enable_large_batch_splitting: enableLargeBatchSplitting = false,
    ...unknown
  } = params as Record<string, never>;
  expect(Object.keys(unknown)).toEqual([]);
  return {
    ...(maxBatchSize !== undefined && { maxBatchSize }),
    batchTimeoutMicros,
    maxEnqueuedBatches,
    numBatchThreads,
    allowedBatchSizes,
    padVariableLengthInputs,
    enableLargeBatchSplitting,
  };
}

/** What a case's request feeds: values by input, a shape to be filled, or a number of rows. */
function toInputs(request: Readonly<Record<string, readonly number[] | number>>): TensorMap {
  const ofShape = (shape: readonly number[]) =>
    tensor('float32', shape, new Float32Array(shape.reduce((product, size) => product * size, 1)));
  return Object.fromEntries(
    Object.entries(request).map(([key, value]): [string, Tensor] => {
      if (key === 'x_rows') return ['x', ofShape([value as number])];
      if (key === 'x_shape') return ['x', ofShape(value as readonly number[])];
      return [key, tensor('float32', [(value as readonly number[]).length], value as number[])];
    }),
  );
}

function toBench(params: BatchingCase['request']['params'], isManual = false) {
  const { numBatchThreads, ...options } = toOptions(params);
  const runs: BatchRun[] = [];
  const observer = { onRun: (run: BatchRun) => runs.push(run) };
  return { runs, ...batchingBench({ ...options, observer }, { numBatchThreads, isManual }) };
}

describeShared("TF Serving's batching", [file], () => {
  const cases = (JSON.parse(readFileSync(join(sharedFolder, file), 'utf8')) as { kind: string }[]).filter(
    ({ kind }) => kind === 'batching-scenario',
  ) as BatchingCase[];
  const named = (part: string) => {
    const found = cases.find(({ name }) => name.includes(part));
    if (found === undefined) throw new Error(`No case is called ${part}`);
    return found;
  };
  const done = new Set<BatchingCase>();
  const take = (part: string) => {
    const found = named(part);
    done.add(found);
    return found;
  };

  it.each(['allowed sizes, no padding needed', 'timeout 0 runs alone', 'allowed sizes, padded'])(
    '%s',
    async (part) => {
      const { request, expect: wanted } = take(part);
      const { servable, inner, runs } = toBench(request.params);
      const requests = request.requests as readonly Readonly<Record<string, readonly number[]>>[];
      const answers = await Promise.all(
        requests.map((it) => servable.run({ signature: scripted, inputs: toInputs(it), outputs: ['y'] })),
      );
      if (wanted.executed_batch) expect(inner.batches).toEqual([wanted.executed_batch]);
      if (wanted.wrapped_run_count) expect(inner.runs.length).toBe(wanted.wrapped_run_count);
      if (wanted.outputs)
        expect(answers.map(({ y }) => Array.from(y?.data as Float32Array))).toEqual(wanted.outputs);
      if (wanted.metrics) {
        expect(runs).toMatchObject([
          { rows: wanted.metrics.input_batch_size_sum, padding: wanted.metrics.padding_size_sum },
        ]);
        expect(inner.runs[0]?.rows).toBe(wanted.metrics.processed_batch_size_sum);
      }
    },
  );

  it.each(['output 0th dim differs from the batch', 'scalar output'])('%s', async (part) => {
    const { request, expect: wanted } = take(part);
    const { ask, inner } = toBench(request.params, true);
    const answers = [ask([1]), ask([2]), ask([3])];
    await allTurns();
    inner.runs[0]?.finish({ y: tensor('float32', part === 'scalar output' ? [] : [1], [1]) });
    for (const answer of answers) expectError(await rejection(answer), wanted.errors_all as CaseError);
  });

  it('queue full', async () => {
    const { request, expect: wanted } = take('queue full');
    const { ask, inner } = toBench(request.params, true);
    const accepted = [ask([0])];
    await allTurns(); // the only thread is busy
    accepted.push(ask([1]), ask([2]));
    expectError(await rejection(ask([3])), wanted.some_error as CaseError);
    for (const run of [0, 1, 2]) {
      inner.runs[run]?.finish();
      await allTurns();
    }
    await Promise.all(accepted);
  });

  it('task larger than max_batch_size without splitting', async () => {
    const { request, expect: wanted } = take('task larger than max_batch_size');
    const { servable } = toBench(request.params);
    const [only] = request.requests as readonly Readonly<Record<string, number>>[];
    const answer = servable.run({ signature: scripted, inputs: toInputs(only ?? {}), outputs: ['y'] });
    expectError(await rejection(answer), wanted.errors?.[0] as CaseError);
  });

  it('unequal shapes, padding off: they do not meet, and are all answered (a deviation on purpose)', async () => {
    const { request } = take('unequal shapes, padding off');
    const { servable, inner } = toBench({ ...request.params, batch_timeout_micros: 0 });
    const requests = request.requests as readonly Readonly<Record<string, readonly number[]>>[];
    const answers = await Promise.all(
      requests.map((it) => servable.run({ signature: scripted, inputs: toInputs(it), outputs: ['y'] })),
    );
    expect(answers.map(({ y }) => y?.shape)).toEqual(requests.map(({ x_shape: shape }) => shape));
    expect(inner.runs.length).toBe(2);
  });

  it.each(['different 0th dims of the inputs of one request', 'no inputs'])(
    '%s: runs alone (a deviation on purpose)',
    async (part) => {
      const { request } = take(part);
      const { servable, inner } = toBench({ ...request.params, batch_timeout_micros: 1e9 });
      const [only] = request.requests as readonly Readonly<Record<string, readonly number[]>>[];
      const inputs = toInputs(only ?? {});
      await servable.run({ signature: scripted, inputs, outputs: [] });
      expect(inner.runs.map((run) => run.request.inputs)).toEqual([inputs]);
    },
  );

  it('leaves none of the cases out', () => {
    expect(cases.filter((it) => !done.has(it)).map(({ name }) => name)).toEqual([]);
  });

  it("refuses sizes whose last is not the largest batch, in TF Serving's words", () => {
    const error = caught(() => toBench({ max_batch_size: 4, allowed_batch_sizes: [1, 3] }));
    expect(error.message).toContain('last entry was 3; expected 4');
  });
});

function expectError(error: ServingError, { grpc_code: code, message }: CaseError): void {
  expect(error).toBeInstanceOf(ServingError);
  expect(error).toMatchObject({ code, message });
}
