import { join } from 'node:path';
import {
  type BatchRun,
  type ModelOptions,
  ModelServer,
  type ModelServerOptions,
  type Tensor,
  tensor,
} from 'servable';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { allTurns } from '../support/turns.js';

const folder = temporaryFolder();
writeModel(folder, 'linear', 1, authored.linear(1, 1));
writeModel(folder, 'spin', 1, authored.spin());
writeModel(folder, 'center', 1, authored.batchMeanCentering());

const floats = (...values: number[]) => tensor('float32', [values.length], values);
const spins = (n: number) => ({
  x: tensor('float32', [1, 256], new Float32Array(256)),
  n: tensor('int64', [], [n]),
});

async function started(options: Partial<ModelServerOptions>, names: readonly string[] = ['linear']) {
  const models = names.map((name) => ({ name, basePath: join(folder, name), batching: {} }));
  const server = new ModelServer({ models, numBatchThreads: 1, pollIntervalMs: 0, ...options });
  onTestFinished(() => server.close());
  return server.start();
}

function batching(name: string, options: NonNullable<ModelOptions['batching']>) {
  return { models: [{ name, basePath: join(folder, name), batching: options }] };
}

describe('a ModelServer with batching', () => {
  it('runs together what comes together, and gives everybody their own', async () => {
    const runs: BatchRun[] = [];
    const server = await started({ batchingObserver: { onRun: (run) => runs.push(run) } });
    const values = Array.from({ length: 50 }, (_, index) => index);
    const answers = await Promise.all(values.map((value) => server.predict('linear', { x: floats(value) })));
    expect(answers.map(({ outputs }) => outputs.y?.data[0])).toEqual(values.map((value) => value + 1));
    expect(runs).toMatchObject([{ id: { model: 'linear', version: 1 }, requests: 50, rows: 50, attempt: 0 }]);
  });

  it('says in the status of a version whether it batches, while it is loaded', async () => {
    const server = await started({}, ['linear', 'center']);
    expect(server.status('linear')).toMatchObject([{ state: 'AVAILABLE', batching: { isOn: true } }]);
    expect(server.status('center')).toMatchObject([
      { state: 'AVAILABLE', batching: { isOn: false, reason: expect.stringContaining('output') } },
    ]);
  });

  it('warns of a version that it serves unbatched, by an event and a line in the host’s log', async () => {
    const lines: object[] = [];
    const warn = (fields: object, message: string) => void lines.push({ ...fields, message });
    const logger = { debug() {}, info() {}, warn, error() {} };
    const server = new ModelServer({ ...batching('center', {}), pollIntervalMs: 0, logger });
    onTestFinished(() => server.close());
    const reports: unknown[] = [];
    server.on('unbatched', (report) => reports.push(report));
    await server.start();
    await allTurns();
    expect(reports).toEqual([{ id: { model: 'center', version: 1 }, reason: expect.any(String) }]);
    expect(lines).toEqual([
      {
        event: 'unbatched',
        model: 'center',
        version: 1,
        reason: expect.any(String),
        message: expect.stringContaining('center@1 is served without batching'),
      },
    ]);
  });

  it('does not make such a version available where batching is required', async () => {
    const server = await started(batching('center', { batchSafety: 'require' }));
    expect(server.status('center')).toMatchObject([{ state: 'END', error: { code: 'FAILED_PRECONDITION' } }]);
  });

  it('fails a bad request before it meets others', async () => {
    const server = await started({});
    const bad = server.predict('linear', { x: tensor('int8', [1], [1]) });
    const good = server.predict('linear', { x: floats(1) });
    expect((await rejection(bad)).code).toBe('INVALID_ARGUMENT');
    expect((await good).outputs.y).toEqual(floats(2));
  });

  it.each([0.5, Number.NaN, '1', Number.POSITIVE_INFINITY])('refuses %s as a priority', async (priority) => {
    const server = await started({});
    const answer = server.predict('linear', { x: floats(1) }, { priority: priority as number });
    expect(await rejection(answer)).toMatchObject({ code: 'INVALID_ARGUMENT', option: 'priority' });
  });

  it('finishes what waits for company when the version goes', async () => {
    const clock = new FakeClock();
    const server = await started({ ...batching('linear', { batchTimeoutMicros: 1e9 }), clock });
    const answers = [1, 2].map((value) => server.predict('linear', { x: floats(value) }));
    await allTurns();
    const closed = server.close();
    expect((await Promise.all(answers)).map(({ outputs }) => outputs.y)).toEqual([floats(2), floats(3)]);
    await closed;
    expect(clock.pending).toBe(0);
  });

  it('fails what still waits for a thread when the grace of its end is over, and what runs', async () => {
    const clock = new FakeClock();
    const server = await started({ clock, drainGraceMs: 1000, inlineRuns: 'off' }, ['linear', 'spin']);
    const running = server.predict('spin', spins(1e9)); // a scalar input: it runs alone
    const batched = Array.from({ length: 3 }, (_, value) => server.predict('linear', { x: floats(value) }));
    await allTurns();
    batched.push(server.predict('linear', { x: floats(9) })); // the one thread is taken: this one waits
    await allTurns();
    const outcomes = Promise.allSettled([running, ...batched]);
    const closed = server.close();
    await allTurns();
    clock.advance(1000);
    expect(await outcomes).toMatchObject(Array(5).fill({ reason: { code: 'UNAVAILABLE' } }));
    await closed;
  });

  it('ends requests that are late or aborted while they wait', async () => {
    const clock = new FakeClock();
    const server = await started({ ...batching('linear', { batchTimeoutMicros: 1e9 }), clock });
    const abort = new AbortController();
    const aborted = server.predict('linear', { x: floats(1) }, { signal: abort.signal });
    const late = server.predict('linear', { x: floats(1) }, { timeoutMs: 100 });
    const stays = server.predict('linear', { x: floats(1) });
    await allTurns();
    abort.abort();
    clock.advance(100);
    expect((await rejection(aborted)).code).toBe('CANCELLED');
    expect((await rejection(late)).code).toBe('DEADLINE_EXCEEDED');
    clock.advance(1e6);
    expect((await stays).outputs.y).toEqual(floats(2));
  });

  it('ends the run inside onnxruntime when all who share it have gone', async () => {
    writeModel(folder, 'slow', 1, authored.spinByValue());
    const runs: BatchRun[] = [];
    const server = await started({
      ...batching('slow', { batchSafety: 'trust' }),
      batchingObserver: { onRun: (run) => runs.push(run) },
      inlineRuns: 'off',
    });
    const ask = (turns: number, signal?: AbortSignal) => {
      const x = tensor('float32', [1, 256], new Float32Array(256).fill(turns));
      return server.predict('slow', { x }, signal && { signal });
    };
    const aborts = [new AbortController(), new AbortController()];
    const answers = aborts.map(({ signal }) => rejection(ask(1e9, signal))); // some hours, on the only thread
    await allTurns();
    for (const abort of aborts) abort.abort();
    for (const error of await Promise.all(answers)) expect(error.code).toBe('CANCELLED');
    expect((await ask(1)).outputs.y?.shape).toEqual([1, 256]);
    expect(runs).toMatchObject([{ requests: 2, error: { code: 'CANCELLED' } }, { requests: 1 }]);
  });

  it('loads a model anew whose batching changed, and only then', async () => {
    const server = await started(batching('linear', { maxBatchSize: 4 }));
    const states: string[] = [];
    server.on('state', ({ state }) => states.push(state));
    await server.reconfigure(batching('linear', { maxBatchSize: 4 }).models);
    await allTurns();
    expect(states).toEqual([]);
    await server.reconfigure(batching('linear', { maxBatchSize: 8 }).models);
    await allTurns();
    expect(states.at(-1)).toBe('AVAILABLE');
  });

  it('lets two servers in one process batch beside each other', async () => {
    const servers = [await started({}), await started({})];
    const answers = await Promise.all(servers.map((server) => server.predict('linear', { x: floats(1, 2) })));
    expect(answers.map(({ outputs }) => (outputs.y as Tensor).data.length)).toEqual([2, 2]);
  });
});
