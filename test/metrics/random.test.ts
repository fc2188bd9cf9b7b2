import { join } from 'node:path';
import { type BatchRun, ModelServer, tensor } from 'servable';
import { expect, it, onTestFinished, vi } from 'vitest';
import { serveHttpForTest } from '../support/http.js';
import { samplesOf, valuesOf } from '../support/metrics.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { seededRandom } from '../support/seeded-random.js';
import { allTurns } from '../support/turns.js';

/** Seeds that ever failed. */
const failedSeeds: readonly number[] = [];
/** More of them for a long night: SERVABLE_RANDOM_RUNS=1000. */
const runs = Number(process.env.SERVABLE_RANDOM_RUNS ?? 3);
const newSeeds = Array.from({ length: runs }, () => Math.floor(Math.random() * 2 ** 32));

const folder = temporaryFolder();
writeModel(folder, 'alone', 1, authored.linear(1, 1));
writeModel(folder, 'shared', 1, authored.linear(1, 1));
writeModel(folder, 'shared', 2, authored.linear(1, 2));
writeModel(folder, 'table', 1, authored.gatherTable());
const statuses: Readonly<Record<number, string>> = { 200: 'OK', 400: 'INVALID_ARGUMENT', 404: 'NOT_FOUND' };

/** How often each key was counted. */
class Tally {
  readonly counts: Record<string, number> = {};
  add(key: string, count = 1): void {
    this.counts[key] = (this.counts[key] ?? 0) + count;
  }
}

it.each([...failedSeeds, ...newSeeds])(
  'whatever becomes of requests, each is counted once, as what its caller was told [seed %i]',
  async (seed) => {
    const random = seededRandom(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    const model = (name: string, batching: object | false) => ({
      name,
      basePath: join(folder, name),
      versionPolicy: 'all' as const,
      batching,
    });
    const batches: BatchRun[] = [];
    const server = await new ModelServer({
      models: [
        model('alone', false),
        model('shared', { maxBatchSize: pick([4, 64]), maxEnqueuedBatches: pick([1, 100]) }),
        model('table', { maxBatchSize: 8 }),
      ],
      inlineRuns: pick(['auto', 'off']),
      numBatchThreads: pick([1, 2]),
      pollIntervalMs: 0,
      batchingObserver: { onRun: (run) => batches.push(run) },
    }).start();
    onTestFinished(() => server.close());
    const http = await serveHttpForTest(server);

    const told = new Tally();
    const rows = new Tally();
    const overRest = new Tally();
    const ask = async (spec: { model: string; version?: number }, count: number, signal?: AbortSignal) => {
      const inputs =
        spec.model === 'table'
          ? { ids: tensor('int64', [count], new Array(count).fill(pick([1, 1, 1, 99]))) }
          : { [pick(['x', 'x', 'x', 'nonsense'])]: tensor('float32', [count], new Float32Array(count)) };
      const options = { ...(signal && { signal }), timeoutMs: pick([1, 60_000]) };
      try {
        const { id } = await server.predict(spec, inputs, options);
        told.add('OK');
        rows.add(`model="${id.model}",version="${id.version}"`, count);
      } catch (error) {
        told.add((error as { code: string }).code);
      }
    };
    const post = async (name: string, value: unknown) => {
      const { status } = await http.post(`/v1/models/${name}:predict`, { instances: [value] });
      overRest.add(`model_name="${name === 'nobody' ? '(unknown)' : name}",status="${statuses[status]}"`);
      told.add(statuses[status] ?? String(status));
      if (status === 200) rows.add(`model="${name}",version="1"`);
    };
    const specs = [
      { model: 'alone' },
      { model: 'shared', version: 1 },
      { model: 'shared' },
      { model: 'table' },
      { model: 'shared', version: 9 },
      { model: 'nobody' },
    ];
    const all: Promise<void>[] = [];
    for (let step = 0; step < 150; step++) {
      const abort = new AbortController();
      if (random() < 0.1) all.push(post(pick(['alone', 'nobody']), pick([1, 'text'])));
      else all.push(ask(pick(specs), pick([1, 1, 3, 100]), random() < 0.3 ? abort.signal : undefined));
      if (random() < 0.5) abort.abort();
      else if (random() < 0.3) setTimeout(() => abort.abort(), random() * 5);
      if (random() < 0.2) await allTurns();
    }
    await Promise.all(all);
    await vi.waitFor(() => {
      for (const { versions } of server.snapshot().models) {
        for (const { inFlight } of versions) expect(inFlight, 'runs whose callers have gone').toBe(0);
      }
    });
    await allTurns();
    const samples = samplesOf(await server.metrics.collect());

    const counted = new Tally();
    for (const [labels, count] of Object.entries(valuesOf(samples, 'servable_requests_total'))) {
      counted.add(/code="(\w+)"/.exec(labels)?.[1] ?? '', count);
    }
    expect(counted.counts).toEqual(told.counts);
    expect(valuesOf(samples, 'servable_request_rows_total')).toEqual(rows.counts);
    expect(valuesOf(samples, ':tensorflow:serving:request_count')).toEqual(overRest.counts);
    const total = (name: string) =>
      Object.values(valuesOf(samples, name)).reduce((sum, value) => sum + value, 0);
    const { OK = 0, ...failed } = told.counts;
    expect(total('servable_request_duration_seconds_count')).toBe(OK);
    const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
    expect(total('servable_request_failures_total')).toBe(failures);
    expect(total('servable_requests_in_flight')).toBe(0);
    expect(total('servable_queue_length')).toBe(0);
    const asked = batches.filter((run) => run.asked > 0);
    expect(total('servable_batch_rows_count')).toBe(asked.length);
    expect(total('servable_batch_rows_sum')).toBe(asked.reduce((sum, run) => sum + run.rows, 0));
    expect(total(':tensorflow:serving:batching_session:wrapped_run_count')).toBe(batches.length);
  },
);
