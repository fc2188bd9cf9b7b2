import { BatchDispatcher, batched, ServingError, tensor } from 'servable';
import { describe, expect, it } from 'vitest';
import type { BatchRefusal, BatchRun } from '#dist/batching/batching-observer.js';
import { ask, batchingBench, y } from '../support/batching.js';
import { caught } from '../support/caught.js';
import { countingSignal } from '../support/counting-signal.js';
import { FakeClock } from '../support/fake-clock.js';
import { rejection } from '../support/rejection.js';
import { ScriptedServable, scripted } from '../support/scripted-servable.js';
import { allTurns } from '../support/turns.js';

const never = { batchTimeoutMicros: 1e9 };

describe('when a batch goes', () => {
  it('runs a lone request at once while a thread is idle, with timeout 0', async () => {
    const { ask, inner, clock } = batchingBench();
    expect(await y(ask([100, 42]))).toEqual([52, 23]);
    expect(inner.batches).toEqual([[100, 42]]);
    expect(clock.pending).toBe(0);
  });

  it('runs together what comes in one stretch of JavaScript', async () => {
    const { ask, inner } = batchingBench();
    expect(await Promise.all([y(ask([1])), y(ask([2, 3])), y(ask([4]))])).toEqual([[2.5], [3, 3.5], [4]]);
    expect(inner.batches).toEqual([[1, 2, 3, 4]]);
  });

  it('runs together what comes while all threads are busy', async () => {
    const { ask, inner } = batchingBench({}, { isManual: true });
    const first = y(ask([1]));
    await allTurns();
    const others = [ask([2]), ask([3])];
    await allTurns();
    expect(inner.batches).toEqual([[1]]);
    inner.runs[0]?.finish();
    expect(await first).toEqual([2.5]);
    await allTurns();
    expect(inner.batches).toEqual([[1], [2, 3]]);
    inner.runs[1]?.finish();
    expect(await Promise.all(others.map(y))).toEqual([[3], [3.5]]);
  });

  it('waits for company until the timeout has passed since the first row came, and no longer', async () => {
    const { ask, inner, clock } = batchingBench({ batchTimeoutMicros: 500 });
    const first = ask([1]);
    await allTurns();
    clock.advance(0.4);
    const second = ask([2]);
    await allTurns();
    clock.advance(0.05);
    await allTurns();
    expect(inner.batches).toEqual([]);
    clock.advance(0.05);
    expect(await Promise.all([y(first), y(second)])).toEqual([[2.5], [3]]);
    expect(inner.batches).toEqual([[1, 2]]);
    expect(clock.pending).toBe(0);
  });

  it('goes when it is full, whatever the timeout', async () => {
    const { ask, inner, clock } = batchingBench({ ...never, maxBatchSize: 3 });
    await Promise.all([ask([1]), ask([2, 3])]);
    expect(inner.batches).toEqual([[1, 2, 3]]);
    expect(clock.pending).toBe(0);
  });

  it('closes a batch that the next request does not fit into', async () => {
    const { ask, inner, clock } = batchingBench({ ...never, maxBatchSize: 4 });
    const second = [ask([1, 2, 3]), ask([4, 5])][1];
    await allTurns();
    expect(inner.batches).toEqual([[1, 2, 3]]);
    clock.advance(1e6);
    await second;
    expect(inner.batches).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('sets no timer while no thread is idle, and looks at what has become due when one is', async () => {
    const { ask, inner, clock } = batchingBench({ batchTimeoutMicros: 500 }, { isManual: true });
    const first = ask([1]);
    await allTurns();
    clock.advance(0.5);
    await allTurns();
    const second = ask([2]);
    await allTurns();
    expect(clock.pending).toBe(0);
    clock.advance(10);
    inner.runs[0]?.finish();
    await first;
    await allTurns();
    expect(inner.batches).toEqual([[1], [2]]);
    inner.runs[1]?.finish();
    await second;
  });

  it('takes company in until a thread is free, also after its timeout', async () => {
    const { ask, inner, clock } = batchingBench({ batchTimeoutMicros: 500 }, { isManual: true });
    const answers = [ask([1])];
    await allTurns();
    clock.advance(0.5);
    await allTurns();
    answers.push(ask([2]));
    await allTurns();
    clock.advance(5);
    answers.push(ask([3]));
    inner.runs[0]?.finish();
    await allTurns();
    expect(inner.batches).toEqual([[1], [2, 3]]);
    inner.runs[1]?.finish();
    await Promise.all(answers);
  });

  it('goes at once on a drain, and so does what comes after it', async () => {
    const { ask, inner, servable } = batchingBench(never);
    const waiting = ask([1]);
    await allTurns();
    servable.drain?.();
    expect(await y(waiting)).toEqual([2.5]);
    expect(await y(ask([2]))).toEqual([3]);
    expect(inner.batches).toEqual([[1], [2]]);
  });
});

describe('who shares a run', () => {
  it('never those whose rows differ in shape', async () => {
    const { ask, inner } = batchingBench();
    const rows = [tensor('float32', [1, 2], [1, 2]), tensor('float32', [1, 3], [3, 4, 5])];
    const again = tensor('float32', [1, 2], [6, 7]);
    await Promise.all([...rows, again].map((x) => ask(x)));
    expect(inner.batches).toEqual([
      [1, 2, 6, 7],
      [3, 4, 5],
    ]);
  });

  it('never those of different dtypes, signatures or priorities', async () => {
    const { ask, inner } = batchingBench();
    const other = { ...scripted, name: 'other' };
    await Promise.all([
      ask([1]),
      ask(tensor('float64', [1], [2])),
      ask([3], { signature: other }),
      ask([4], { priority: 1 }),
      ask([5]),
    ]);
    expect(inner.batches.sort()).toEqual([[1, 5], [2], [3], [4]]);
  });

  it('those who ask for different outputs, each of whom gets what it asked for', async () => {
    const { ask, inner } = batchingBench();
    const [first, second, third] = await Promise.all([
      ask([1]),
      ask([2], { outputs: ['copy'] }),
      ask([3], { outputs: ['copy', 'y'] }),
    ]);
    expect(inner.runs.map(({ request }) => request.outputs)).toEqual([['y', 'copy']]);
    expect(first).toEqual({ y: tensor('float32', [1], [2.5]) });
    expect(second).toEqual({ copy: tensor('float32', [1], [2]) });
    expect(third).toEqual({ copy: tensor('float32', [1], [3]), y: tensor('float32', [1], [3.5]) });
  });

  it.each([
    ['a request without rows', { x: tensor('float32', [0, 2], []) }],
    ['a scalar', { x: tensor('float32', [], [1]) }],
    ['inputs of unequal rows', { x: tensor('float32', [1], [1]), z: tensor('float32', [2], [1, 2]) }],
    ['no inputs', {}],
  ])('nobody with %s: it runs alone, at once', async (_, inputs) => {
    const { inner, servable } = batchingBench(never);
    await servable.run({ signature: scripted, inputs, outputs: [] });
    expect(inner.runs.length).toBe(1);
    expect(inner.runs[0]?.request.inputs).toBe(inputs);
  });

  it('nobody sees the array of another: inputs are copied when they come, outputs are each its own', async () => {
    const { ask, inner } = batchingBench();
    const data = Float32Array.of(1);
    const answers = [ask(tensor('float32', [1], data)), ask([2])];
    data[0] = 99;
    const [first, second] = (await Promise.all(answers)) as unknown as [
      { y: { data: Float32Array } },
      { y: { data: Float32Array } },
    ];
    expect(inner.batches).toEqual([[1, 2]]);
    expect(first.y.data.buffer).not.toBe(second.y.data.buffer);
    expect(first.y.data.buffer.byteLength).toBe(4);
  });
});

describe('large requests', () => {
  it('are cut into batches, and their answer is put together again', async () => {
    const { ask, inner } = batchingBench({ maxBatchSize: 4 }, { numBatchThreads: 2 });
    const values = Array.from({ length: 10 }, (_, index) => index);
    expect(await y(ask(values))).toEqual(values.map((value) => value / 2 + 2));
    expect(inner.batches).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
  });

  it('are cut at the execution size, which may be smaller', async () => {
    const { ask, inner } = batchingBench({ maxBatchSize: 8, maxExecutionBatchSize: 2 });
    await ask([1, 2, 3]);
    expect(inner.batches).toEqual([[1, 2], [3]]);
  });

  it('are refused where splitting is off', async () => {
    const { ask } = batchingBench({ maxBatchSize: 3, enableLargeBatchSplitting: false });
    expect(await rejection(ask([1, 2, 3, 4]))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Task size 4 is larger than maximum input batch size 3',
      actual: '4 rows',
      expected: 'at most 3 rows',
    });
  });

  it('fail as a whole with the first piece that fails, and the others are not run', async () => {
    const failsOn = (value: unknown) => (value === 3 ? new ServingError('INTERNAL', 'Bad row') : undefined);
    const { ask, inner } = batchingBench({ maxBatchSize: 2 }, { failsOn });
    expect(await rejection(ask([1, 2, 3, 4, 5, 6]))).toMatchObject({ message: 'Bad row' });
    await allTurns();
    expect(inner.batches).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('that need more room than there is are refused as a whole, unless nothing waits', async () => {
    const { ask, inner } = batchingBench({ maxBatchSize: 2, maxEnqueuedBatches: 3 }, { isManual: true });
    const large = Array.from({ length: 9 }, (_, index) => index);
    const first = ask(large); // five batches where three may wait: it has the queue to itself
    const { code, message } = await rejection(ask([1, 2, 3]));
    expect(code).toBe('UNAVAILABLE');
    expect(message).toBe(
      'The batch scheduling queue to which this task was submitted is full; task size is 3 but scheduling capacity is only 0 (num_enqueued_batches=4, max_enqueued_batches=3, open_batch_size=1, max_execution_batch_size=2)',
    );
    for (let run = 0; run < 5; run++) {
      inner.runs[run]?.finish();
      await allTurns();
    }
    expect(await y(first)).toHaveLength(9);
  });

  it('leave as a whole when they are aborted', async () => {
    const { ask, inner } = batchingBench({ maxBatchSize: 2 }, { isManual: true });
    const { controller, signal, listeners } = countingSignal();
    const answer = ask([1, 2, 3, 4], { signal });
    await allTurns();
    controller.abort(new Error('enough'));
    expect(await rejection(answer)).toMatchObject({ code: 'CANCELLED' });
    expect(inner.runs[0]?.request.signal?.aborted).toBe(true);
    await allTurns();
    expect(inner.runs.length).toBe(1);
    expect(listeners()).toBe(0);
  });
});

describe('a full queue', () => {
  it('refuses at once, with its capacity, and takes requests again when there is room', async () => {
    const refusals: BatchRefusal[] = [];
    const { ask, inner } = batchingBench(
      { maxBatchSize: 1, maxEnqueuedBatches: 2, observer: { onRefused: (it) => refusals.push(it) } },
      { isManual: true },
    );
    const accepted = [ask([1])];
    await allTurns();
    accepted.push(ask([2]), ask([3]));
    const error = await rejection(ask([4]));
    expect(error).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
      message:
        'The batch scheduling queue to which this task was submitted is full; currently 2 batches enqueued and max_enqueued_batches is 2',
      id: { model: 'scripted', version: 1 },
    });
    expect(refusals).toEqual([{ id: inner.id, rows: 1, error }]);
    for (const run of [0, 1, 2]) {
      inner.runs[run]?.finish();
      await allTurns();
    }
    await Promise.all(accepted);
    const late = ask([5]);
    await allTurns();
    inner.runs[3]?.finish();
    expect(await y(late)).toEqual([4.5]);
  });

  it('still takes what fits into the open batch', async () => {
    const { ask, inner } = batchingBench({ maxBatchSize: 2, maxEnqueuedBatches: 1 }, { isManual: true });
    const answers = [ask([1])];
    await allTurns();
    answers.push(ask([2]), ask([3]));
    expect(await rejection(ask([4]))).toMatchObject({ code: 'UNAVAILABLE' });
    inner.runs[0]?.finish();
    await allTurns();
    inner.runs[1]?.finish();
    await Promise.all(answers);
    expect(inner.batches).toEqual([[1], [2, 3]]);
  });

  it('counts the batches of all shapes together', async () => {
    const { ask, inner } = batchingBench({ maxEnqueuedBatches: 2 }, { isManual: true });
    const row = (width: number) => tensor('float32', [1, width], new Float32Array(width));
    void ask(row(1));
    await allTurns();
    void ask(row(2));
    void ask(row(3));
    expect((await rejection(ask(row(4)))).code).toBe('UNAVAILABLE');
    expect(inner.runs.length).toBe(1);
  });
});

describe('those who leave', () => {
  it('leave the batch before it runs when they are aborted, and nobody else notices', async () => {
    const refusals: BatchRefusal[] = [];
    const { ask, inner, clock } = batchingBench({
      batchTimeoutMicros: 500,
      observer: { onRefused: (it) => refusals.push(it) },
    });
    const { controller, signal, listeners } = countingSignal();
    const [stays, leaves] = [ask([1]), ask([2], { signal })];
    controller.abort(new Error('enough'));
    const error = await rejection(leaves);
    expect(error).toMatchObject({ code: 'CANCELLED', cause: new Error('enough') });
    expect(listeners()).toBe(0);
    await allTurns();
    clock.advance(0.5);
    expect(await y(stays)).toEqual([2.5]);
    expect(inner.batches).toEqual([[1]]);
    expect(refusals.map((it) => it.error.code)).toEqual(['CANCELLED']);
  });

  it('make room by it', async () => {
    const { ask, inner } = batchingBench({ maxBatchSize: 1, maxEnqueuedBatches: 1 }, { isManual: true });
    void ask([1]);
    await allTurns();
    const { controller, signal } = countingSignal();
    const leaves = ask([2], { signal });
    expect((await rejection(ask([3]))).code).toBe('UNAVAILABLE');
    controller.abort();
    await rejection(leaves);
    const stays = ask([4]);
    inner.runs[0]?.finish();
    await allTurns();
    inner.runs[1]?.finish();
    expect(await y(stays)).toEqual([4]);
  });

  it('are not run when their deadline has passed in the queue', async () => {
    const { ask, inner, clock } = batchingBench({}, { isManual: true });
    void ask([1]);
    await allTurns();
    const [late, patient] = [ask([2], { deadlineMs: 5 }), ask([3], { deadlineMs: 50 })];
    clock.advance(5);
    inner.runs[0]?.finish();
    expect(await rejection(late)).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'Run() timeout exceeded while waiting in batching queue',
    });
    await allTurns();
    expect(inner.batches).toEqual([[1], [3]]);
    inner.runs[1]?.finish();
    expect(await y(patient)).toEqual([3.5]);
  });

  it('end the run when all of them have gone, and not before', async () => {
    const { ask, inner } = batchingBench({}, { isManual: true });
    const signals = [countingSignal(), countingSignal()] as const;
    const answers = signals.map(({ signal }, index) => ask([index], { signal }));
    await allTurns();
    signals[0].controller.abort();
    expect((await rejection(answers[0] as Promise<unknown>)).code).toBe('CANCELLED');
    expect(inner.runs[0]?.request.signal?.aborted).toBe(false);
    signals[1].controller.abort();
    expect((await rejection(answers[1] as Promise<unknown>)).code).toBe('CANCELLED');
    expect(inner.runs[0]?.request.signal?.aborted).toBe(true);
    const next = ask([7]);
    await allTurns();
    inner.runs[1]?.finish();
    expect(await y(next)).toEqual([5.5]);
    expect(signals.map(({ listeners }) => listeners())).toEqual([0, 0]);
  });

  it('cannot be told apart from those who stay by the answers of these', async () => {
    const { ask, inner } = batchingBench({}, { isManual: true });
    const { controller, signal } = countingSignal();
    const answers = [ask([1]), ask([2], { signal }), ask([3])];
    await allTurns();
    controller.abort();
    inner.runs[0]?.finish();
    const [first, second, third] = await Promise.allSettled(answers.map(y));
    expect([first, third]).toMatchObject([{ value: [2.5] }, { value: [3.5] }]);
    expect(second).toMatchObject({ reason: { code: 'CANCELLED' } });
  });

  it('are refused at once where they were aborted before they came', async () => {
    const { ask, inner } = batchingBench();
    expect((await rejection(ask([1], { signal: AbortSignal.abort() }))).code).toBe('CANCELLED');
    expect(inner.runs.length).toBe(0);
  });
});

describe('a run that fails', () => {
  const failsOn =
    (...bad: number[]) =>
    (value: unknown) =>
      bad.includes(value as number) ? new ServingError('INVALID_ARGUMENT', `Bad row ${value}`) : undefined;

  it.each([
    [[3], 8, 7],
    [[0], 8, 7],
    [[7], 7, 7],
    [[0, 1], 8, 7],
    [[2, 5], 8, 11],
    [[0, 1, 2, 3, 4, 5, 6, 7], 8, 15],
    [[0], 2, 3],
    [[0], 1, 1],
  ])('fails those that are at fault alone: %j of %i, in %i runs', async (bad, tasks, runs) => {
    const seen: BatchRun[] = [];
    const observer = { onRun: (run: BatchRun) => seen.push(run) };
    const { ask, inner } = batchingBench({ observer }, { failsOn: failsOn(...bad) });
    const answers = await Promise.allSettled(Array.from({ length: tasks }, (_, index) => y(ask([index]))));
    for (const [index, answer] of answers.entries()) {
      if (bad.includes(index)) expect(answer).toMatchObject({ reason: { message: `Bad row ${index}` } });
      else expect(answer).toMatchObject({ value: [index / 2 + 2] });
    }
    const expectedRuns = bad.some((value) => value < tasks) ? runs : 1;
    expect(inner.runs.length).toBe(expectedRuns);
    expect(inner.runs.length).toBeLessThanOrEqual(2 * tasks - 1);
    expect(seen.filter(({ attempt }) => attempt > 0).length).toBe(expectedRuns - 1);
  });

  it.each([
    'UNAVAILABLE',
    'RESOURCE_EXHAUSTED',
    'CANCELLED',
    'DEADLINE_EXCEEDED',
    'FAILED_PRECONDITION',
  ] as const)('is not tried again after %s, which is no row at fault', async (code) => {
    const error = new ServingError(code, 'Not by a row');
    const { ask, inner } = batchingBench({}, { failsOn: (value) => (value === 1 ? error : undefined) });
    const answers = await Promise.allSettled([1, 2, 3].map((value) => ask([value])));
    expect(answers.map((it) => (it as PromiseRejectedResult).reason)).toEqual([error, error, error]);
    expect(inner.runs.length).toBe(1);
  });

  it('is not tried again for those who have gone, or are late', async () => {
    const { ask, inner, clock } = batchingBench({}, { isManual: true });
    const { controller, signal } = countingSignal();
    const answers = [ask([1], { signal }), ask([2], { deadlineMs: 5 }), ask([3]), ask([4])].map(y);
    const outcomes = Promise.allSettled(answers);
    await allTurns();
    controller.abort();
    clock.advance(5);
    inner.runs[0]?.fail(new Error('Anything'));
    await allTurns();
    inner.runs[1]?.finish();
    expect(await outcomes).toMatchObject([
      { reason: { code: 'CANCELLED' } },
      { reason: { code: 'DEADLINE_EXCEEDED' } },
      { value: [3.5] },
      { value: [4] },
    ]);
    expect(inner.batches).toEqual([
      [1, 2, 3, 4],
      [3, 4],
    ]);
  });

  it('is an INTERNAL error where the servable broke its word', async () => {
    const { ask } = batchingBench({}, { failsOn: () => new TypeError('Oops') });
    expect(await rejection(ask([1]))).toMatchObject({ code: 'INTERNAL', message: 'Oops' });
  });

  it.each([
    ['a scalar', tensor('float32', [], [1]), 'Batched output tensor has 0 dimensions'],
    [
      'other rows than the inputs',
      tensor('float32', [1], [1]),
      "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the input tensors",
    ],
  ])('or answers with %s fails everybody in it', async (_, output, message) => {
    const { ask, inner } = batchingBench({}, { isManual: true });
    const answers = [ask([1]), ask([2])];
    await allTurns();
    inner.runs[0]?.finish({ y: output });
    for (const answer of answers) {
      expect(await rejection(answer)).toMatchObject({ code: 'FAILED_PRECONDITION', message, output: 'y' });
    }
    expect(inner.runs.length).toBe(1);
  });

  it('does not disturb an observer that throws, or the other way round', async () => {
    const { ask } = batchingBench({ observer: {} });
    expect(await y(ask([1]))).toEqual([2.5]);
  });
});

describe('padding', () => {
  it.each([
    [[1], [1]],
    [[1, 2], [1, 2, 2, 2].slice(0, 3)],
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
    [
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ],
  ])('fills %j up to an allowed size with the first row of the last request', async (values, executed) => {
    const seen: BatchRun[] = [];
    const { ask, inner } = batchingBench({
      allowedBatchSizes: [1, 3, 4],
      observer: { onRun: (run) => seen.push(run) },
    });
    const answers = await Promise.all(values.map((value) => y(ask([value]))));
    expect(answers).toEqual(values.map((value) => [value / 2 + 2]));
    expect(inner.batches).toEqual([executed]);
    expect(seen).toMatchObject([{ rows: values.length, padding: executed.length - values.length }]);
  });

  it('drops the added rows of a lone request too', async () => {
    const { ask, inner } = batchingBench({ allowedBatchSizes: [1, 3, 4], maxBatchSize: 4 });
    expect(await y(ask([100, 42]))).toEqual([52, 23]);
    expect(inner.batches).toEqual([[100, 42, 100]]);
  });

  it('makes shorter rows as long as the longest, and cuts the answers back', async () => {
    const { ask, inner } = batchingBench({ padVariableLengthInputs: true });
    const rows = [[1], [2, 3, 4], [5, 6]].map((row) => tensor('float32', [1, row.length], row));
    const answers = await Promise.all(rows.map((x) => ask(x)));
    expect(inner.batches).toEqual([[1, 0, 0, 2, 3, 4, 5, 6, 0]]);
    expect(answers.map((it) => it.y)).toEqual([
      tensor('float32', [1, 1], [2.5]),
      tensor('float32', [1, 3], [3, 3.5, 4]),
      tensor('float32', [1, 2], [4.5, 5]),
    ]);
  });

  it('pads any rank, on each axis, and never axis 0', async () => {
    const { ask, inner } = batchingBench({ padVariableLengthInputs: true, padValue: { x: 9 } });
    const small = tensor('float32', [2, 1, 2], [1, 2, 3, 4]);
    const large = tensor('float32', [1, 2, 1], [5, 6]);
    await Promise.all([ask(small), ask(large)]);
    expect(inner.batches).toEqual([[1, 2, 9, 9, 3, 4, 9, 9, 5, 9, 6, 9]]);
    expect(inner.runs[0]?.request.inputs.x?.shape).toEqual([3, 2, 2]);
  });

  it('keeps those of different ranks apart', async () => {
    const { ask, inner } = batchingBench({ padVariableLengthInputs: true });
    await Promise.all([ask([1]), ask(tensor('float32', [1, 1], [2]))]);
    expect(inner.batches).toEqual([[1], [2]]);
  });
});

describe('priorities', () => {
  it('say who goes first where several wait for a thread, also where they came at once', async () => {
    const { ask, inner } = batchingBench();
    await Promise.all([0, -1, 5, 1].map((priority) => ask([priority], { priority })));
    expect(inner.batches).toEqual([[5], [1], [0], [-1]]);
  });
});

describe('the parts', () => {
  it('share the threads of one dispatcher', async () => {
    const clock = new FakeClock();
    const dispatcher = new BatchDispatcher({ numBatchThreads: 1, clock });
    const inner = ['a', 'b'].map(
      (model) => new ScriptedServable({ id: { model, version: 1 }, isManual: true }),
    );
    const [a, b] = inner.map((it) => batched(it, { dispatcher }));
    const answers = [a, b].map((it) => y(ask(it as NonNullable<typeof it>, [1])));
    await allTurns();
    expect(inner.map(({ runs }) => runs.length)).toEqual([1, 0]);
    inner[0]?.runs[0]?.finish();
    await allTurns();
    expect(inner.map(({ runs }) => runs.length)).toEqual([1, 1]);
    inner[1]?.runs[0]?.finish();
    expect(await Promise.all(answers)).toEqual([[2.5], [2.5]]);
  });

  it('end everything that waits when they are told to, and leave alone what runs', async () => {
    const { ask, inner, dispatcher } = batchingBench({ maxBatchSize: 1, ...never }, { isManual: true });
    const running = ask([1]);
    const waiting = [ask([2]), ask([3])];
    dispatcher.abandon(new ServingError('UNAVAILABLE', 'The end'));
    for (const answer of waiting) expect(await rejection(answer)).toMatchObject({ message: 'The end' });
    inner.runs[0]?.finish();
    expect(await y(running)).toEqual([2.5]);
    await allTurns();
    expect(inner.runs.length).toBe(1);
  });

  it('finish what they have before they unload the servable, and take nothing more', async () => {
    const { servable, ask, inner } = batchingBench({ ...never, maxBatchSize: 2 }, { isManual: true });
    const answers = [1, 2, 3].map((value) => y(ask([value])));
    const unloaded = servable.unload();
    expect(await rejection(ask([4]))).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'Cannot run scripted@1: it is unloaded',
    });
    for (const run of [0, 1]) {
      await allTurns();
      expect(inner.unloads).toBe(0);
      inner.runs[run]?.finish();
    }
    await unloaded;
    expect(inner.unloads).toBe(1);
    expect(await Promise.all(answers)).toEqual([[2.5], [3], [3.5]]);
  });

  it.each([
    [{ maxBatchSize: 0 }, 'options.maxBatchSize'],
    [{ numBatchThreads: 0 }, 'numBatchThreads'],
    [{ maxBatchsize: 3 }, 'options.maxBatchsize'],
  ])('refuse options that mean nothing: %j', (options, option) => {
    expect(caught(() => batched(new ScriptedServable(), options as object))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      option,
    });
  });

  it('refuse a pad value that does not fit the model', () => {
    const make = (padValue: Record<string, string | number>) =>
      caught(() => batched(new ScriptedServable(), { numBatchThreads: 1, padValue }));
    expect(make({ x: 'text' })).toMatchObject({ code: 'FAILED_PRECONDITION', input: 'x' });
    expect(make({ z: 1 }).message).toBe(
      'Cannot pad input "z" of scripted@1 with 1: no signature has such an input',
    );
  });
});
