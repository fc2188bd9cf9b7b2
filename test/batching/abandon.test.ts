import { BatchDispatcher, type BatchRefusal, batched, ServingError, tensor } from 'servable';
import { afterAll, describe, expect, it } from 'vitest';
import type { RunRequest, Servable } from '#dist/core/servable.js';
import { ask, batchingBench, y } from '../support/batching.js';
import { openEngine, run } from '../support/engine.js';
import { FakeClock } from '../support/fake-clock.js';
import * as authored from '../support/onnx/authored-models.js';
import { ScriptedServable, scripted } from '../support/scripted-servable.js';
import { allTurns } from '../support/turns.js';

const reason = new ServingError('UNAVAILABLE', 'The version was given up');
/** An error that would be tried again in halves if it were a run's own. */
const likeARow = new ServingError('INTERNAL', 'The version was given up');
const never = { batchTimeoutMicros: 1e9 };

/** What each promise rejects with; a value stands for itself. */
async function ends(answers: readonly Promise<unknown>[]): Promise<unknown[]> {
  return Promise.all(answers.map((answer) => answer.catch((error: unknown) => error)));
}

describe('a batched servable that is abandoned', () => {
  it('ends open and waiting batches at once, and what runs as the servable ends it', async () => {
    const refusals: BatchRefusal[] = [];
    const observer = { onRefused: (refusal: BatchRefusal) => refusals.push(refusal) };
    const options = { ...never, maxBatchSize: 2, observer };
    const { servable, ask, inner } = batchingBench(options, { isManual: true });
    const running = [ask([1]), ask([2])];
    await allTurns();
    const waiting = [ask([3]), ask([4]), ask([5])];
    servable.abandon?.(reason);
    expect(await ends([...running, ...waiting])).toEqual(Array(5).fill(reason));
    expect(inner.abandons).toEqual([reason]);
    expect(inner.batches).toEqual([[1, 2]]);
    expect(refusals.map(({ error }) => error)).toEqual(Array(3).fill(reason));
    await servable.unload();
    expect(inner.unloads).toBe(1);
  });

  it('settles what waits although the run before it does not end', async () => {
    const { servable, ask, inner } = batchingBench({ ...never, maxBatchSize: 1 }, { isManual: true });
    inner.abandon = () => {}; // it takes its time
    const running = ask([1]);
    const waiting = ask([2]);
    servable.abandon?.(reason);
    expect(await ends([waiting])).toEqual([reason]);
    inner.runs[0]?.finish();
    expect(await y(running)).toEqual([2.5]); // it came through
  });

  it('leaves its neighbours on the same threads alone', async () => {
    const dispatcher = new BatchDispatcher({ numBatchThreads: 1, clock: new FakeClock() });
    const inners = ['a', 'b'].map((model) => new ScriptedServable({ id: { model, version: 1 } }));
    const [a, b] = inners.map((inner) => batched(inner, { ...never, dispatcher })) as [Servable, Servable];
    const answers = [ask(a, [1]), ask(b, [2]), ask(a, [3])];
    a.abandon?.(reason);
    b.drain?.();
    expect(await ends([answers[0], answers[2]] as Promise<unknown>[])).toEqual([reason, reason]);
    expect(await y(answers[1] as Promise<never>)).toEqual([3]);
    expect(inners.map(({ runs }) => runs.length)).toEqual([0, 1]);
  });

  it('rejects what comes afterwards with the first reason that it was given', async () => {
    const { servable, ask, inner } = batchingBench();
    servable.abandon?.(reason);
    servable.abandon?.(likeARow);
    const empty = tensor('float32', [0], []); // would pass the batcher by
    expect(await ends([ask([1]), ask(empty)])).toEqual([reason, reason]);
    expect(inner.runs).toEqual([]);
    await servable.unload();
  });

  it('ends all pieces of a large request, whether they run or wait', async () => {
    const { servable, ask, inner } = batchingBench({ ...never, maxBatchSize: 2 }, { isManual: true });
    const large = ask([1, 2, 3, 4, 5]);
    await allTurns();
    expect(inner.batches).toEqual([[1, 2]]);
    servable.abandon?.(reason);
    expect(await ends([large])).toEqual([reason]);
    await servable.unload();
    expect(inner.batches).toEqual([[1, 2]]);
  });

  it.each([
    ['while a half runs', 1],
    ['when the whole has failed and no half has begun', 0],
  ])('does not try a failed batch again: %s', async (_, halves) => {
    const { servable, ask, inner } = batchingBench({}, { isManual: true });
    const answers = [1, 2, 3, 4].map((value) => ask([value]));
    await allTurns();
    inner.runs[0]?.fail(new ServingError('INVALID_ARGUMENT', 'Bad row'));
    if (halves > 0) await allTurns();
    servable.abandon?.(likeARow);
    expect(await ends(answers)).toEqual(Array(4).fill(likeARow));
    expect(inner.runs.length).toBe(1 + halves);
  });

  it('passes on what runs alone to the servable', async () => {
    const other = { ...scripted, name: 'other' };
    const { servable, ask, inner } = batchingBench({}, { isManual: true, signatures: [scripted, other] });
    const alone = ask(tensor('float32', [0], []));
    servable.abandon?.(reason);
    expect(await ends([alone])).toEqual([reason]);
    expect(inner.abandons).toEqual([reason]);
  });

  it('lets a servable that cannot stop finish what it runs, and tries nothing again', async () => {
    const inner = new ScriptedServable({ isManual: true });
    const { id, metadata, signatures } = inner;
    const plain: Servable = {
      id,
      metadata,
      signatures,
      run: (request) => inner.run(request),
      unload: () => inner.unload(),
    };
    const servable = batched(plain, { numBatchThreads: 1 });
    const answers = [ask(servable, [1]), ask(servable, [2])];
    await allTurns();
    servable.abandon?.(reason);
    inner.runs[0]?.fail(new ServingError('INTERNAL', 'Bad row'));
    expect(await ends(answers)).toEqual([reason, reason]);
    expect(inner.runs.length).toBe(1);
    await servable.unload();
  });
});

describe('a batched servable that is unloaded', () => {
  it('waits for a run under way whose callers have all gone', async () => {
    const inner = new ScriptedServable({ isManual: true });
    const start = inner.run.bind(inner);
    // As an operator that takes long: the run does not end when it is told to.
    inner.run = ({ signal: _, ...request }: RunRequest) => start(request);
    const servable = batched(inner, { numBatchThreads: 1 });
    const abort = new AbortController();
    const gone = ask(servable, [1], { signal: abort.signal });
    await allTurns();
    abort.abort();
    expect(await ends([gone])).toMatchObject([{ code: 'CANCELLED' }]);
    const unloaded = servable.unload();
    await allTurns();
    expect(inner.unloads).toBe(0);
    inner.runs[0]?.finish();
    await unloaded;
    expect(inner.unloads).toBe(1);
  });
});

describe('a batched model that is abandoned', () => {
  const bench = openEngine({ inlineRuns: 'off', numBatchThreads: 1 });
  afterAll(() => bench.close());

  it('stops the run under way, and the thread serves the next model', async () => {
    const endless = batched(await bench.load(authored.spinByValue()), { numBatchThreads: 1 });
    const neighbour = await bench.load(authored.linear());
    const turns = { x: tensor('float32', [1, 256], new Float32Array(256).fill(1e9)) };
    const answers = [run(endless, turns), run(endless, turns)];
    await allTurns();
    endless.abandon?.(reason);
    expect(await ends(answers)).toEqual([reason, reason]);
    expect(await run(neighbour, { x: tensor('float32', [1], [2]) })).toHaveProperty('y');
    await endless.unload();
  });
});
