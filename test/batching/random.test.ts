import {
  BatchDispatcher,
  type BatchingOptions,
  batched,
  ServingError,
  type StatusCode,
  tensor,
} from 'servable';
import { expect, it } from 'vitest';
import type { RunRequest, Servable } from '#dist/core/servable.js';
import type { Tensor, TensorMap } from '#dist/core/tensor.js';
import { FakeClock } from '../support/fake-clock.js';
import { ScriptedServable, scripted } from '../support/scripted-servable.js';
import { seededRandom } from '../support/seeded-random.js';
import { allTurns } from '../support/turns.js';

/** Seeds that ever failed. */
const failedSeeds: readonly number[] = [];
/** More of them for a long night: SERVABLE_RANDOM_RUNS=1000. */
const runs = Number(process.env.SERVABLE_RANDOM_RUNS ?? 20);
const newSeeds = Array.from({ length: runs }, () => Math.floor(Math.random() * 2 ** 32));

const steps = 300;
const numBatchThreads = 2;

/** How the models are batched; each seed begins with them and changes them with every new version. */
const manners: readonly BatchingOptions[] = [
  { maxBatchSize: 4 },
  { maxBatchSize: 8, batchTimeoutMicros: 3000, maxEnqueuedBatches: 3 },
  { allowedBatchSizes: [1, 2, 6], batchTimeoutMicros: 500 },
  { maxBatchSize: 8, maxExecutionBatchSize: 3, padVariableLengthInputs: true, padValue: { x: -7 } },
  { maxBatchSize: 5, enableLargeBatchSplitting: false, maxEnqueuedBatches: 1 },
  { maxBatchSize: 16, latencyTargetMicros: 20_000 },
];

/** Values from here on fail the run that they are in: they are the fault of their row. */
const firstBad = 1e6;

it.each([...failedSeeds, ...newSeeds])(
  'whatever happens, every request settles once, with its own rows [seed %i]',
  async (seed) => {
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    const clock = new FakeClock();
    const dispatcher = new BatchDispatcher({ numBatchThreads, clock });
    let running = 0;
    let value = 0;
    const wrong: string[] = [];
    const deadlines = new Map<number, number>();
    const gone = new Set<number>();
    const end = new ServingError('ABORTED', 'The version was given up');
    const abandoned = new Set<Servable>();

    /** A version whose runs end when the clock says so, well or not. */
    const load = (model: string, version: number) => {
      const inner = new ScriptedServable({ id: { model, version }, isManual: true });
      const run = inner.run.bind(inner);
      inner.run = async (request: RunRequest): Promise<TensorMap> => {
        const x = request.inputs.x as Tensor;
        const values = Array.from(x.data as Float64Array);
        const isAlone = x.shape[0] === 0; // without rows it does not pass the scheduler
        look(values);
        running += isAlone ? 0 : 1;
        if (running > numBatchThreads) wrong.push(`${running} runs at once`);
        const answer = run(request);
        const scripted = inner.runs.at(-1);
        const fate = random();
        const finish = () => {
          if (values.some((it) => it >= firstBad))
            scripted?.fail(new ServingError('INVALID_ARGUMENT', 'Bad row'));
          else if (fate < 0.05) scripted?.fail(new ServingError('UNAVAILABLE', 'The batch thread died'));
          else scripted?.finish();
        };
        if (fate < 0.1) finish();
        else clock.schedule(random() * 8, finish);
        return answer.finally(() => {
          running -= isAlone ? 0 : 1;
        });
      };
      const options = pick(manners);
      return { inner, options, servable: batched(inner, { dispatcher, ...options }) };
    };
    /** Nobody may be run who was late or gone by then. */
    const look = (values: readonly number[]) => {
      for (const it of values) {
        if (gone.has(it)) wrong.push(`${it} ran after its caller had gone`);
        if ((deadlines.get(it) ?? Number.POSITIVE_INFINITY) <= clock.now())
          wrong.push(`${it} ran after its deadline`);
      }
    };

    const versions = new Map<string, ReturnType<typeof load>>();
    const models = ['a', 'b', 'c'];
    for (const model of models) versions.set(model, load(model, 1));
    const unloads: Promise<void>[] = [];
    const pending = new Map<Promise<void>, readonly number[]>();
    const open = new Map<Servable, number>();

    const follow = (
      servable: Servable,
      x: Tensor,
      request: Partial<RunRequest>,
      allowed: readonly StatusCode[],
    ) => {
      const values = Array.from(x.data as Float64Array);
      open.set(servable, (open.get(servable) ?? 0) + 1);
      const settled = servable
        .run({ signature: scripted, inputs: { x }, outputs: ['y', 'copy'], ...request })
        .then(
          ({ y, copy }) => {
            const right = values.map((it) => it / 2 + 2);
            if (
              JSON.stringify(Array.from(y?.data as Float32Array)) !==
              JSON.stringify([...Float32Array.from(right)])
            )
              wrong.push(`${values} got ${y?.data}`);
            if (JSON.stringify(copy?.shape) !== JSON.stringify(x.shape))
              wrong.push(`${x.shape} got ${copy?.shape}`);
            if (values.some((it) => it >= firstBad)) wrong.push(`${values} should have failed`);
          },
          (error: ServingError) => {
            if (error === end && abandoned.has(servable)) return;
            if (!allowed.includes(error.code)) wrong.push(`${values}: ${error.code}: ${error.message}`);
          },
        )
        .then(() => {
          pending.delete(settled);
          open.set(servable, (open.get(servable) as number) - 1);
        });
      pending.set(settled, values);
    };

    const ask = () => {
      const { servable, options } = versions.get(pick(models)) as ReturnType<typeof load>;
      const rows = pick([0, 1, 1, 1, 1, 2, 3, 7]);
      const width = pick([undefined, 1, 1, 2, 3]);
      const shape = width === undefined ? [rows] : [rows, width];
      const isBad = random() < 0.07;
      const data = Array.from({ length: rows * (width ?? 1) }, () => value++ + (isBad ? firstBad : 0));
      const x = tensor('float32', shape, data);
      const allowed: StatusCode[] = ['UNAVAILABLE'];
      const request: { -readonly [key in keyof RunRequest]?: RunRequest[key] } = {
        priority: pick([0, 0, 0, 1, -1]),
      };
      if (isBad) allowed.push('INVALID_ARGUMENT');
      if (options.enableLargeBatchSplitting === false && rows > 5) allowed.push('INVALID_ARGUMENT');
      if (options.latencyTargetMicros !== undefined) allowed.push('DEADLINE_EXCEEDED');
      if (random() < 0.2) {
        request.deadlineMs = clock.now() + random() * 10;
        for (const it of data) deadlines.set(it, request.deadlineMs);
        allowed.push('DEADLINE_EXCEEDED');
      }
      if (random() < 0.2) {
        const abort = new AbortController();
        request.signal = abort.signal;
        allowed.push('CANCELLED');
        clock.schedule(random() * 10, () => {
          abort.abort();
          for (const it of data) gone.add(it);
        });
      }
      follow(servable, x, request, allowed);
      (x.data as Float32Array).fill(-1); // the caller's own business
    };
    const replace = async (model: string) => {
      const { servable, inner } = versions.get(model) as ReturnType<typeof load>;
      versions.set(model, load(model, inner.id.version + 1));
      servable.drain?.();
      while ((open.get(servable) ?? 0) > 0) await allTurns();
      await servable.unload();
    };

    /** All that it has is settled at once; what comes yet is refused; nobody else notices. */
    const abandon = async (model: string) => {
      const { servable, inner } = versions.get(model) as ReturnType<typeof load>;
      versions.set(model, load(model, inner.id.version + 1));
      abandoned.add(servable);
      servable.abandon?.(end);
      const late = { signature: scripted, inputs: { x: tensor('float32', [1], [0]) }, outputs: ['y'] };
      if ((await servable.run(late).catch((error: unknown) => error)) !== end)
        wrong.push('ran when abandoned');
      await allTurns();
      if ((open.get(servable) ?? 0) > 0) wrong.push(`${open.get(servable)} left when abandoned`);
      await servable.unload();
    };

    for (let step = 0; step < steps; step++) {
      const dice = random();
      if (dice < 0.7) ask();
      else if (dice < 0.95) clock.advance(pick([0.1, 1, 5]));
      else if (dice < 0.97) unloads.push(replace(pick(models)));
      else if (dice < 0.98) unloads.push(abandon(pick(models)));
      else await allTurns();
      if (random() < 0.3) await allTurns();
    }
    for (const { servable } of versions.values()) servable.drain?.();
    for (let turn = 0; turn < 2000 && pending.size > 0; turn++) {
      clock.advance(5);
      await allTurns();
    }
    expect([...pending.values()]).toEqual([]);
    await Promise.all(unloads);
    await dispatcher.close();
    expect(wrong).toEqual([]);
    expect(running).toBe(0);
  },
);
