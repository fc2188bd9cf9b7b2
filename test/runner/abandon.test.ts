import type { Worker } from 'node:worker_threads';
import { ServingError } from 'servable';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tensor } from '#dist/core/tensor.js';
import type { EngineSession } from '#dist/runner/engine.js';
import { RunTimes } from '#dist/runner/inline/run-times.js';
import { Turns } from '#dist/runner/threads/turns.js';
import { openEngine, run } from '../support/engine.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { allTurns } from '../support/turns.js';

const reason = new ServingError('UNAVAILABLE', 'The version was given up');
const spins = (n: number) => ({
  x: tensor('float32', [1, 256], new Float32Array(256)),
  n: tensor('int64', [], [n]),
});
const forEver = spins(1e9);
const one = { x: tensor('float32', [1], [1]) };

/** What each promise rejects with; a value stands for itself. */
async function ends(answers: readonly Promise<unknown>[]): Promise<unknown[]> {
  return Promise.all(answers.map((answer) => answer.catch((error: unknown) => error)));
}

describe('a model that is abandoned', () => {
  const bench = openEngine({ inlineRuns: 'off' });
  afterAll(() => bench.close());
  const started: Worker[] = [];
  const onWorker = (worker: Worker) => started.push(worker);
  beforeEach(() => process.on('worker', onWorker));
  afterEach(() => process.off('worker', onWorker));

  it('rejects what waits and what runs with the reason; its neighbour is answered, by the same threads', async () => {
    const servable = await bench.load(authored.spin());
    const neighbour = await bench.load(authored.linear());
    await Promise.all([run(servable, spins(1)), run(servable, spins(1)), run(servable, spins(1))]);
    started.length = 0;
    for (let round = 0; round < 5; round++) {
      const again = round === 0 ? servable : await bench.load(authored.spin());
      const answers = Array.from({ length: 6 }, () => run(again, forEver));
      const others = [run(neighbour, one), run(neighbour, one)];
      if (round % 2 === 1) await allTurns(); // the threads have begun
      again.abandon?.(reason);
      expect(await ends(answers)).toEqual(Array(6).fill(reason));
      expect(await Promise.all(others)).toHaveLength(2);
    }
    expect(started).toEqual([]);
  });

  it('settles what waits for a thread although no thread becomes free', async () => {
    const busy = await bench.load(authored.spin());
    const waits = await bench.load(authored.linear());
    const running = [run(busy, forEver), run(busy, forEver)];
    const waiting = [run(waits, one), run(waits, one)];
    waits.abandon?.(reason);
    expect(await ends(waiting)).toEqual([reason, reason]);
    busy.abandon?.(reason);
    expect(await ends(running)).toEqual([reason, reason]);
  });

  it('rejects what comes afterwards with the first reason, also where nothing was in flight', async () => {
    const servable = await bench.load(authored.linear());
    servable.abandon?.(reason);
    servable.abandon?.(new ServingError('INTERNAL', 'Again'));
    expect(await ends([run(servable, one), run(servable, one)])).toEqual([reason, reason]);
  });

  it('says CANCELLED to a caller who had gone before', async () => {
    const servable = await bench.load(authored.spin());
    const abort = new AbortController();
    const answers = [run(servable, forEver, abort), run(servable, forEver)];
    await allTurns();
    abort.abort();
    servable.abandon?.(reason);
    expect(await ends(answers)).toMatchObject([{ code: 'CANCELLED' }, { code: 'UNAVAILABLE' }]);
  });

  it('may be abandoned when it is unloaded: it is nobody’s any more', async () => {
    const engineOnly = openEngine({ inlineRuns: 'off' });
    const servable = await engineOnly.load(authored.linear());
    await servable.unload();
    servable.abandon?.(reason);
    await engineOnly.engine.close();
    servable.abandon?.(reason);
  });

  it('ends runs that wait for their turn at once, where no two may overlap', async () => {
    const folder = temporaryFolder();
    const file = `${writeModel(folder, 'spin', 1, authored.spin())}/1/model.onnx`;
    const turns = new Turns();
    const [first, second] = await Promise.all([1, 2].map(() => bench.engine.openSession(file, {})));
    const exclusive = ({ session, inputs, outputs }: EngineSession) =>
      bench.engine.run({
        session,
        inputs: inputs.map(({ name, nativeName }) => ({
          nativeName,
          tensor: forEver[name as keyof typeof forEver],
        })),
        outputs: outputs.map(({ nativeName }) => ({ nativeName, kind: 'tensor' })),
        times: new RunTimes(),
        turns,
      });
    const running = exclusive(first as EngineSession);
    const waiting = [exclusive(second as EngineSession), exclusive(second as EngineSession)];
    bench.engine.abandon(reason, (second as EngineSession).session);
    expect(await ends(waiting)).toEqual([reason, reason]);
    bench.engine.abandon(reason, (first as EngineSession).session);
    expect(await ends([running])).toEqual([reason]);
    await Promise.all([first, second].map((open) => bench.engine.closeSession(open as EngineSession)));
  });
});

describe('a model with inline runs that is abandoned', () => {
  const bench = openEngine({ inlineRuns: 'on' });
  afterAll(() => bench.close());

  it('has nothing in flight, and takes nothing more', async () => {
    const servable = await bench.load(authored.linear());
    const answered = run(servable, one);
    servable.abandon?.(reason);
    expect(await answered).toHaveProperty('y');
    expect(await ends([run(servable, one)])).toEqual([reason]);
  });
});

describe('a model whose inline run proved long', () => {
  const bench = openEngine({ numBatchThreads: 1 });
  afterAll(() => bench.close());

  it('is abandoned on the thread that took the run over', async () => {
    const servable = await bench.load(authored.spin());
    for (let round = 0; round < 200; round++) await run(servable, spins(1)); // they become inline
    const long = run(servable, forEver);
    servable.abandon?.(reason);
    expect(await ends([long])).toEqual([reason]);
  });
});
