import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry as SuccessorRegistry } from '@prometheus-io/client';
import { Counter, Registry as PromRegistry } from 'prom-client';
import {
  type BatchingOptions,
  type MetricRegistry,
  ModelServer,
  type ModelServerOptions,
  type ServingError,
  tensor,
} from 'servable';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import { serveHttpForTest } from '../support/http.js';
import { type Samples, samplesOf, valuesOf } from '../support/metrics.js';
import * as authored from '../support/onnx/authored-models.js';
import { manySidedModel, manySidedSignatures } from '../support/onnx/inference-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { allTurns } from '../support/turns.js';

const folder = temporaryFolder();
writeModel(folder, 'linear', 1, authored.linear(1, 1));
writeModel(folder, 'spin', 1, authored.spinByValue());
writeModel(folder, 'gather', 1, authored.gatherTable());
writeModel(folder, 'center', 1, authored.batchMeanCentering());
const classes = writeModel(folder, 'classes', 1, manySidedModel());
writeFileSync(join(classes, '1/signatures.json'), JSON.stringify({ scores: manySidedSignatures.scores }));

const floats = (...values: number[]) => tensor('float32', [values.length], values);
const spins = (n: number) => ({ x: tensor('float32', [1, 256], new Float32Array(256).fill(n)) });

async function started(
  batching: Readonly<Record<string, BatchingOptions | false>>,
  options: Partial<ModelServerOptions> = {},
): Promise<ModelServer> {
  const models = Object.entries(batching).map(([name, each]) => ({
    name,
    basePath: join(folder, name),
    batching: each,
  }));
  const server = new ModelServer({ models, numBatchThreads: 1, pollIntervalMs: 0, ...options });
  onTestFinished(() => server.close());
  return await server.start();
}

async function read(server: ModelServer): Promise<Samples> {
  await allTurns(); // one reading is good for all that is read in the same turn
  return samplesOf(await server.metrics.collect());
}

describe('counts of requests', () => {
  it('count a request once whatever its rows, rows as rows, and a batch as one execution', async () => {
    const server = await started({ linear: { maxBatchSize: 16 } });
    await Promise.all([
      server.predict('linear', { x: floats(1) }),
      server.predict('linear', { x: floats(1, 2, 3, 4, 5, 6, 7, 8) }),
    ]);
    const samples = await read(server);
    const version = 'model="linear",version="1"';
    expect(valuesOf(samples, 'servable_requests_total')).toEqual({
      [`code="OK",method="predict",${version}`]: 2,
    });
    expect(valuesOf(samples, 'servable_request_rows_total')).toEqual({ [version]: 9 });
    const executions = valuesOf(samples, 'servable_executions_total');
    expect(Object.values(executions).reduce((sum, count) => sum + count)).toBe(1);
    expect(valuesOf(samples, 'servable_batch_rows_sum')).toEqual({ [version]: 9 });
    expect(valuesOf(samples, 'servable_batch_rows_count')).toEqual({ [version]: 1 });
    expect(valuesOf(samples, 'servable_queue_wait_seconds_count')).toEqual({ [version]: 2 });
    expect(valuesOf(samples, ':tensorflow:serving:batching_session:input_batch_size_sum')).toEqual({ '': 9 });
    expect(valuesOf(samples, ':tensorflow:serving:batching_session:wrapped_run_count')).toEqual({ '': 1 });
  });

  it('time what went well, and count what failed by whose fault it is', async () => {
    const server = await started({ linear: false });
    await server.predict('linear', { x: floats(1) });
    await rejection(server.predict('linear', { y: floats(1) }));
    await rejection(server.predict('linear', { x: floats(1) }, { signal: AbortSignal.abort() }));
    await rejection(server.predict({ model: 'linear', version: 7 }, { x: floats(1) }));
    const samples = await read(server);
    const version = 'model="linear",version="1"';
    expect(valuesOf(samples, 'servable_requests_total')).toEqual({
      [`code="OK",method="predict",${version}`]: 1,
      [`code="INVALID_ARGUMENT",method="predict",${version}`]: 1,
      'code="CANCELLED",method="predict",model="linear",version=""': 1,
      'code="NOT_FOUND",method="predict",model="linear",version=""': 1,
    });
    expect(valuesOf(samples, 'servable_request_failures_total')).toEqual({
      [`${version.slice(0, 14)},reason="input",version="1"`]: 1,
      'model="linear",reason="cancelled",version=""': 1,
      'model="linear",reason="input",version=""': 1,
    });
    expect(valuesOf(samples, 'servable_request_duration_seconds_count')).toEqual({
      [`method="predict",${version}`]: 1,
    });
    expect(valuesOf(samples, ':tensorflow:serving:runtime_latency_count')).toEqual({
      'API="Predict",model_name="linear",runtime="TF1"': 1,
    });
  });

  it('never make labels of names that clients make up', async () => {
    const server = await started({ linear: false });
    const http = await serveHttpForTest(server, { metrics: {} });
    for (let index = 0; index < 50; index++) {
      await rejection(server.predict(`made-up-${index}`, { x: floats(1) }));
      await http.send('GET', `/v1/models/made-up-${index}`);
    }
    const text = await server.metrics.collect();
    expect(text).not.toContain('made-up');
    const samples = samplesOf(text);
    expect(valuesOf(samples, ':tensorflow:serving:request_count')).toEqual({
      'model_name="(unknown)",status="NOT_FOUND"': 50,
    });
    expect(valuesOf(samples, 'servable_requests_total')).toEqual({
      'code="NOT_FOUND",method="predict",model="(unknown)",version=""': 50,
    });
  });

  it('count what waits, what runs, and what found no room', async () => {
    const server = await started(
      { spin: { maxBatchSize: 1, maxEnqueuedBatches: 2, batchSafety: 'trust' } },
      { inlineRuns: 'off' },
    );
    const abort = new AbortController();
    const long = { signal: abort.signal };
    const running = server.predict('spin', spins(2_000_000_000), long);
    await vi.waitFor(async () => {
      const busy = valuesOf(await read(server), 'servable_threads_busy'); // as soon as the thread has started
      expect(busy).toEqual({ 'pool="batch"': 1, 'pool="load"': 0 });
    });
    const waiting = [1, 2].map(() => server.predict('spin', spins(1), long));
    const refused = (await rejection(server.predict('spin', spins(1)))) as ServingError;
    expect(refused).toMatchObject({ code: 'UNAVAILABLE', reason: 'queue_full' });
    const version = 'model="spin",version="1"';
    const samples = await read(server);
    expect(valuesOf(samples, 'servable_requests_in_flight')).toEqual({ [version]: 3 });
    expect(valuesOf(samples, 'servable_queue_length')).toEqual({ [version]: 2 });
    expect(valuesOf(samples, 'servable_queue_batches')).toEqual({ [version]: 2 });
    expect(valuesOf(samples, 'servable_rejections_total')).toEqual({
      'model="spin",reason="queue_full",version="1"': 1,
    });
    abort.abort();
    await Promise.allSettled([running, ...waiting]);
    const after = await read(server);
    expect(valuesOf(after, 'servable_requests_total')).toEqual({
      'code="CANCELLED",method="predict",model="spin",version="1"': 3,
      'code="UNAVAILABLE",method="predict",model="spin",version="1"': 1,
    });
    expect(valuesOf(after, 'servable_queue_length')).toEqual({ [version]: 0 });
  });

  it('count padding, requests that are cut, and batches that failed and were run again in halves', async () => {
    const server = await started({
      linear: { maxBatchSize: 4, allowedBatchSizes: [4] },
      gather: { maxBatchSize: 4 },
    });
    await server.predict('linear', { x: floats(1, 2, 3, 4, 5, 6) });
    const ids = (at: number) => ({ ids: tensor('int64', [1], [at]) });
    const [good, bad] = await Promise.allSettled([
      server.predict('gather', ids(0)),
      server.predict('gather', ids(99)),
    ]);
    expect([good.status, bad.status]).toEqual(['fulfilled', 'rejected']);
    const samples = await read(server);
    expect(valuesOf(samples, 'servable_batch_padding_rows_total')).toMatchObject({
      'model="linear",version="1"': 2,
    });
    expect(valuesOf(samples, 'servable_batch_splits_total')).toEqual({
      'model="linear",reason="size",version="1"': 1,
      'model="gather",reason="failure",version="1"': 1,
    });
    expect(valuesOf(samples, ':tensorflow:serving:batching_session:padding_size_sum')).toMatchObject({
      'execution_batch_size="4"': 2,
    });
    expect(valuesOf(samples, 'servable_execution_failures_total')).toMatchObject({
      'code="INVALID_ARGUMENT",model="gather",version="1"': 2,
    });
  });

  it('leave warm-ups out, but for those that TF Serving counts', async () => {
    const models = [
      { name: 'linear', basePath: join(folder, 'linear'), batching: {}, warmup: 'synthetic' as const },
    ];
    const server = await started({}, { models });
    const samples = await read(server);
    expect(valuesOf(samples, 'servable_requests_total')).toEqual({});
    expect(valuesOf(samples, 'servable_executions_total')).toEqual({});
    expect(valuesOf(samples, 'servable_warmups_total')).toEqual({ 'code="OK",model="linear"': 1 });
    expect(valuesOf(samples, ':tensorflow:serving:model_warmup_records_read')).toEqual({
      [`model_path="${join(folder, 'linear/1')}",status="OK"`]: 1,
    });
    expect(samples.get(':tensorflow:core:graph_runs')).toBeGreaterThan(0);
  });

  it('count classify, regress and multiInference as such', async () => {
    const server = await started({ classes: false });
    await server.multiInference(
      [{ spec: { model: 'classes', signature: 'scores' }, method: 'classify' }],
      [{ x: [1, 2, 3] }, { x: [1, 2, 3] }],
    );
    await server.classify({ model: 'classes', signature: 'scores' }, [{ x: [1, 2, 3] }]);
    const samples = await read(server);
    expect(valuesOf(samples, 'servable_requests_total')).toEqual({
      'code="OK",method="multi_inference",model="classes",version="1"': 1,
      'code="OK",method="classify",model="classes",version="1"': 1,
    });
    expect(valuesOf(samples, ':tensorflow:serving:request_example_count_total')).toEqual({
      'model="classes"': 2,
    });
    expect(valuesOf(samples, ':tensorflow:serving:runtime_latency_count')).toEqual({
      'API="Classify",model_name="classes",runtime="TF1"': 1,
    });
  });
});

describe('what happens to models and versions', () => {
  it('is counted: loads, failed ones, states, labels, changes of what is served', async () => {
    writeModel(folder, 'broken', 1, new Uint8Array([1, 2, 3]));
    const linear = { name: 'linear', basePath: join(folder, 'linear'), labels: { stable: 1 } };
    const broken = { name: 'broken', basePath: join(folder, 'broken') };
    const server = await started({}, { models: [linear, broken] });
    const center = { name: 'center', basePath: join(folder, 'center'), batching: {} };
    await server.reconfigure([linear, center]);
    const absent = { name: 'absent', basePath: join(folder, 'absent') };
    await rejection(server.reconfigure([linear, center, broken, absent]));
    const samples = await read(server);
    expect(valuesOf(samples, 'servable_version_state')).toEqual({
      'model="linear",state="AVAILABLE",version="1"': 1,
      'model="center",state="AVAILABLE",version="1"': 1,
      'model="broken",state="END",version="1"': 1,
    });
    expect(valuesOf(samples, 'servable_versions_available')).toEqual({
      'model="linear"': 1,
      'model="center"': 1,
      'model="broken"': 0,
      'model="absent"': 0,
    });
    expect(valuesOf(samples, 'servable_loads_total')).toEqual({
      'code="OK",model="linear"': 1,
      'code="OK",model="center"': 1,
      'code="DATA_LOSS",model="broken"': 2,
    });
    expect(valuesOf(samples, ':tensorflow:cc:saved_model:load_attempt_count')).toMatchObject({
      [`model_path="${join(folder, 'broken/1')}",status="fail"`]: 2,
      [`model_path="${join(folder, 'linear/1')}",status="success"`]: 1,
    });
    expect(valuesOf(samples, 'servable_label_version')).toEqual({ 'label="stable",model="linear"': 1 });
    expect(valuesOf(samples, 'servable_label_moves_total')).toEqual({ 'model="linear"': 1 });
    expect(valuesOf(samples, 'servable_unbatched')).toEqual({ 'model="center",version="1"': 1 });
    expect(valuesOf(samples, 'servable_config_reloads_total')).toEqual({
      'code="OK",source="call"': 1,
      'code="UNKNOWN",source="call"': 1,
    });
    expect(valuesOf(samples, 'servable_config_last_reload_successful')).toEqual({ 'source="call"': 0 });
    expect(Object.keys(valuesOf(samples, 'servable_build_info'))).toEqual([
      expect.stringMatching(/^node="v\d+.*",onnxruntime="1\..*",version="\d/),
    ]);
  });

  it('includes the key of ML Metadata that a version may have', async () => {
    const base = writeModel(folder, 'named', 1, authored.linear());
    mkdirSync(join(base, '1/assets.extra'), { recursive: true });
    writeFileSync(join(base, '1/assets.extra/mlmd_uuid'), '6b6a9d0c');
    const server = await started({ named: false, linear: false });
    await vi.waitFor(async () => {
      const samples = samplesOf(await server.metrics.collect());
      expect(valuesOf(samples, ':tensorflow:serving:mlmd_map')).toEqual({
        'model_name="named",version="1"': 0,
      });
    });
  });

  it('tells how late the event loop is, a second after the first reading', async () => {
    const server = await started({ linear: false });
    const delays = async () => valuesOf(await read(server), 'servable_event_loop_delay_seconds');
    expect(await delays()).toEqual({});
    const quantiles = ['0.5', '0.9', '0.99', '1'].map((each) => `quantile="${each}"`);
    await vi.waitFor(async () => expect(Object.keys(await delays())).toEqual(quantiles), { timeout: 10_000 });
    const told = await delays();
    expect(await delays(), 'another scraper, or another turn of this one').toEqual(told);
  });
});

describe('series', () => {
  it('of versions and models that are gone do not pile up: 24 hours of new ones every six minutes', async () => {
    const clock = new FakeClock();
    const many = temporaryFolder();
    /** A model that there was not before, and one that has a version that there was not. */
    const models = (step: number) => [
      { name: `model-${step}`, basePath: join(folder, 'linear') },
      {
        name: 'many',
        basePath: join(many, 'many'),
        versionPolicy: { specific: [step] },
        labels: { stable: step },
      },
    ];
    writeModel(many, 'many', 0, authored.linear());
    const server = await started({}, { models: models(0), clock });
    const http = await serveHttpForTest(server);
    /** With other numbers after each step, which are left out. */
    let series: readonly string[] = [];
    for (let step = 1; step <= 240; step++) {
      writeModel(many, 'many', step, authored.linear());
      await server.reconfigure(models(step));
      await server.waitFor({ model: 'many', version: step - 1 }, 'END'); // it may still be giving its memory back
      for (const name of [`model-${step}`, 'many']) {
        await server.predict(name, { x: floats(1) });
        await rejection(server.predict(name, { wrong: floats(1) }));
        await http.send('GET', `/v1/models/${name}`);
      }
      await rejection(server.predict(`unknown-${step}`, { x: floats(1) }));
      clock.advance(6 * 60_000);
      if (step % 20 !== 0) continue; // a scrape now and then; what nobody reads must not pile up either
      const now = [...(await read(server)).keys()]
        .filter((key) => !key.includes('_bucket{') && !key.includes('event_loop'))
        .map((key) => key.replace(/\d+/g, 'n'))
        .sort();
      if (series.length === 0) series = now;
      expect(now, `after ${step} steps`).toEqual(series);
    }
  });
});

describe('registries', () => {
  it.each([
    ['prom-client', () => new PromRegistry() as MetricRegistry],
    ['@prometheus-io/client', () => new SuccessorRegistry() as MetricRegistry],
  ])('of the host take the metrics of a server in while it is open: %s', async (_name, newRegistry) => {
    const registry = newRegistry();
    const server = await started({ linear: false }, { metrics: { registry } });
    await server.predict('linear', { x: floats(1) });
    expect(server.metrics.registry).toBe(registry);
    const printed = samplesOf(await registry.metrics());
    expect(valuesOf(printed, 'servable_requests_total')).toEqual({
      'code="OK",method="predict",model="linear",version="1"': 1,
    });
    expect(await server.metrics.collect()).toContain('servable_requests_total');
    await server.close();
    expect((await registry.metrics()).trim()).toBe('');
  });

  it.each([
    ['prom-client', () => new PromRegistry()],
    ['@prometheus-io/client', () => new SuccessorRegistry()],
  ])('of %s may print OpenMetrics', async (_name, newRegistry) => {
    const registry = newRegistry();
    registry.setContentType('application/openmetrics-text; version=1.0.0; charset=utf-8' as never);
    const server = await started({ linear: false }, { metrics: { registry: registry as MetricRegistry } });
    await server.predict('linear', { x: floats(1) });
    for (let times = 0; times < 2; times++) {
      const text = await registry.metrics(); // the second time, names have been changed by the first
      expect(text).toContain('# TYPE servable_requests counter\nservable_requests_total{');
      expect(text).toContain('# TYPE :tensorflow:core:graph_runs unknown\n:tensorflow:core:graph_runs 1');
      expect(text.endsWith('# EOF\n')).toBe(true);
    }
    const json = await registry.getMetricsAsJSON();
    const duration = json.find(({ name }) => name === 'servable_request_duration_seconds') as unknown as {
      readonly values: readonly { readonly labels: object }[];
    };
    expect(duration.values[0]?.labels).toEqual({
      le: '0.0001',
      model: 'linear',
      version: '1',
      method: 'predict',
    });
    await server.close();
    expect(await registry.metrics()).toBe('\n# EOF\n');
  });

  it('of two servers are apart, and know nothing of each other', async () => {
    const [one, other] = [await started({ linear: false }), await started({ spin: false })];
    await one.predict('linear', { x: floats(1) });
    expect(await one.metrics.collect()).not.toContain('spin');
    expect(valuesOf(await read(other), 'servable_requests_total')).toEqual({});
    await one.close();
    expect(await other.metrics.collect()).toContain('servable_version_state{model="spin"');
  });

  it('hold several servers where labels tell them apart', async () => {
    const registry = new PromRegistry() as MetricRegistry;
    const labelled = (name: string) => ({ metrics: { registry, labels: { server: name } } });
    const one = await started({ linear: false }, labelled('a'));
    const other = await started({ linear: false }, labelled('b'));
    await Promise.all([one, other].map((server) => server.predict('linear', { x: floats(1) })));
    const count = async () => valuesOf(samplesOf(await registry.metrics()), 'servable_request_rows_total');
    expect(await count()).toEqual({
      'model="linear",server="a",version="1"': 1,
      'model="linear",server="b",version="1"': 1,
    });
    await one.close();
    expect(await count()).toEqual({ 'model="linear",server="b",version="1"': 1 });
  });

  it('refuse a second server that could not be told from the first, which goes on', async () => {
    const registry = new PromRegistry() as MetricRegistry;
    const one = await started({ linear: false }, { metrics: { registry } });
    const error = await rejection(started({ spin: false }, { metrics: { registry } }));
    expect(error).toMatchObject({ code: 'ALREADY_EXISTS', option: 'metrics.registry' });
    expect(error.message).toContain('another server with the labels {}');
    await one.predict('linear', { x: floats(1) });
    expect(await registry.metrics()).toContain('servable_request_rows_total{model="linear",version="1"} 1');
  });

  it('of the server’s own print two formats, and no other', async () => {
    const server = await started({ linear: false });
    const error = await rejection(server.metrics.collect({ format: 'xml' as never }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', option: 'format', actual: '"xml"' });
    const types = (['prometheus', 'openmetrics'] as const).map((format) =>
      server.metrics.contentType({ format }),
    );
    expect(types).toEqual([
      'text/plain; version=0.0.4; charset=utf-8',
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    ]);
    expect(await server.metrics.registry.metrics()).toBe(await server.metrics.collect());
  });

  it('can be read before the start, and are empty after the end', async () => {
    const server = new ModelServer({ models: [{ name: 'linear', basePath: join(folder, 'linear') }] });
    expect(await server.metrics.collect()).toContain('# TYPE :tensorflow:serving:request_count counter');
    await server.close();
    expect(await server.metrics.collect()).toBe('\n');
    expect(await server.metrics.collect({ format: 'openmetrics' })).toBe('\n# EOF\n');
    expect(server.metrics.total('servable_loads_total')).toBe(0);
  });

  it('refuse a server where the host has a metric of such a name', async () => {
    const registry = new PromRegistry();
    new Counter({ name: 'servable_loads_total', help: 'h', registers: [registry] });
    const error = await rejection(
      started({ linear: false }, { metrics: { registry: registry as MetricRegistry } }),
    );
    expect(error).toMatchObject({ code: 'ALREADY_EXISTS', actual: 'a metric of another origin' });
    expect(await registry.metrics()).toBe(
      '# HELP servable_loads_total h\n# TYPE servable_loads_total counter\nservable_loads_total 0\n',
    );
  });
});
