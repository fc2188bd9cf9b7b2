import { join } from 'node:path';
import { ModelServer, parseMonitoringConfig, tensor } from 'servable';
import { createGrpcServer } from 'servable/grpc';
import { createHttpHandler, type HttpMetricsOptions } from 'servable/http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { caught } from '../support/caught.js';
import { GrpcClient } from '../support/grpc.js';
import { serveHttpForTest } from '../support/http.js';
import { type Samples, samplesOf, typesOf, valuesOf } from '../support/metrics.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { standInServer } from '../support/stand-in-server.js';
import { allTurns } from '../support/turns.js';

const folder = temporaryFolder();
const basePath = writeModel(folder, 'linear', 1, authored.linear(0.5, 2));
const path = '/monitoring/prometheus/metrics';
/** What Prometheus 2.42 asks for. */
const prometheus =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

async function started(): Promise<ModelServer> {
  const server = new ModelServer({ models: [{ name: 'linear', basePath }], pollIntervalMs: 0 });
  onTestFinished(() => server.close());
  return await server.start();
}

async function read(server: ModelServer): Promise<Samples> {
  await allTurns();
  return samplesOf(await server.metrics.collect());
}

async function serveGrpc(server: ModelServer): Promise<GrpcClient> {
  const grpcServer = createGrpcServer(server);
  const { port } = await grpcServer.listen('127.0.0.1:0');
  const client = new GrpcClient(`127.0.0.1:${port}`);
  onTestFinished(async () => {
    client.close();
    await grpcServer.close({ graceMs: 0 });
  });
  return client;
}

const x = { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }] }, float_val: [1] };

describe('requests over gRPC', () => {
  it('are counted as TF Serving counts them: three methods, by status, timed where they went well', async () => {
    const server = await started();
    const client = await serveGrpc(server);
    const call = (method: string, request: object) => client.call(method, request).catch(() => {});
    await call('Predict', { model_spec: { name: 'linear' }, inputs: { x } });
    await call('Predict', { model_spec: { name: 'linear' }, inputs: { wrong: x } });
    await call('Predict', { model_spec: { name: 'nobody' }, inputs: { x } });
    await call('Predict', {});
    await call('Regress', { model_spec: { name: 'linear' }, input: { example_list: { examples: [{}] } } });
    await call('GetModelMetadata', { model_spec: { name: 'linear' }, metadata_field: ['signature_def'] });
    await call('GetModelStatus', { model_spec: { name: 'linear' } });
    await call('Health/Check', {});
    const samples = await read(server);
    expect(valuesOf(samples, ':tensorflow:serving:request_count')).toEqual({
      'model_name="linear",status="OK"': 1,
      'model_name="linear",status="INVALID_ARGUMENT"': 2,
      'model_name="(unknown)",status="NOT_FOUND"': 1,
      'model_name="",status="INVALID_ARGUMENT"': 1,
    });
    expect(valuesOf(samples, ':tensorflow:serving:request_latency_count')).toEqual({
      'API="Predict",entrypoint="GRPC",model_name="linear"': 1,
    });
  });

  it('count where they cannot be read', async () => {
    const server = await started();
    const client = await serveGrpc(server);
    const method = '/tensorflow.serving.PredictionService/Predict';
    await client.callBytes(method, Buffer.from([0xff])).catch(() => {});
    expect(valuesOf(await read(server), ':tensorflow:serving:request_count')).toEqual({
      'model_name="",status="INVALID_ARGUMENT"': 1,
    });
  });

  it('are told how far the counters have risen that a reload names', async () => {
    const server = await started();
    const client = await serveGrpc(server);
    const config = (name: string) => ({
      model_config_list: { config: [{ name, base_path: basePath, model_platform: 'tensorflow' }] },
    });
    const answer = await client.call('HandleReloadConfigRequest', {
      config: config('other'),
      metric_names: ['/tensorflow/cc/saved_model/load_attempt_count', 'servable_loads_total', '/no/such/one'],
    });
    expect(answer.metric).toEqual([
      { name: '/tensorflow/cc/saved_model/load_attempt_count', int64_value_increase: '1' },
      { name: 'servable_loads_total', int64_value_increase: '1' },
      { name: '/no/such/one', int64_value_increase: '0' },
    ]);
  });
});

describe('requests over REST', () => {
  it('are all counted, by the model of their path', async () => {
    const server = await started();
    const http = await serveHttpForTest(server, { maxBodyBytes: 100 });
    await http.post('/v1/models/linear:predict', { instances: [1] });
    await http.post('/v1/models/linear/versions/1:predict', { instances: [1] });
    await http.post('/v1/models/linear:predict', '{');
    await http.post('/v1/models/linear:predict', { instances: Array(99).fill(1) });
    await http.send('GET', '/v1/models/linear');
    await http.send('GET', '/v1/models/linear/metadata');
    await http.send('GET', '/v1/models');
    await http.send('GET', '/v1/nonsense');
    await http.send('OPTIONS', '/v1/models/linear', { headers: { origin: 'http://a.example' } });
    await http.send('OPTIONS', '/v1/models/linear');
    await http.send('GET', '/healthz');
    await http.send('GET', '/elsewhere');
    const samples = await read(server);
    expect(valuesOf(samples, ':tensorflow:serving:request_count')).toEqual({
      'model_name="linear",status="OK"': 4,
      'model_name="linear",status="INVALID_ARGUMENT"': 1,
      'model_name="linear",status="OUT_OF_RANGE"': 1,
      'model_name="",status="OK"': 2,
      'model_name="",status="INVALID_ARGUMENT"': 1,
      'model_name="",status="FAILED_PRECONDITION"': 1,
    });
    expect(valuesOf(samples, ':tensorflow:serving:request_latency_count')).toEqual({
      'API="predict",entrypoint="REST",model_name="linear"': 2,
      'API="",entrypoint="REST",model_name="linear"': 2,
      'API="",entrypoint="REST",model_name=""': 2,
    });
  });

  it('are timed by what is between their coming and their answer', async () => {
    const server = await started();
    const http = await serveHttpForTest(server);
    await http.post('/v1/models/linear:predict', { instances: [1] });
    const samples = await read(server);
    const labels = '{API="predict",entrypoint="REST",model_name="linear"}';
    const wireMicros = samples.get(`:tensorflow:serving:request_latency_sum${labels}`) ?? 0;
    const withModel = samples.get(
      ':tensorflow:serving:runtime_latency_sum{API="Predict",model_name="linear",runtime="TF1"}',
    );
    expect(wireMicros).toBeGreaterThan(withModel ?? Number.POSITIVE_INFINITY);
  });
});

describe('the path to the metrics', () => {
  let server: ModelServer;
  beforeAll(async () => {
    server = await new ModelServer({
      models: [{ name: 'linear', basePath }],
      pollIntervalMs: 0,
    }).start();
    await server.predict('linear', { x: tensor('float32', [1], [1]) });
  });
  afterAll(() => server.close());

  const serve = (metrics?: HttpMetricsOptions) => serveHttpForTest(server, metrics && { metrics });

  it('is not there unless it is asked for', async () => {
    expect((await (await serve()).send('GET', path)).status).toBe(404);
  });

  it.each([
    ['where there are such options', {}, path, 200],
    ['where a config enables it', parse('prometheus_config { enable: true }'), path, 200],
    ['where a config says', parse('prometheus_config { enable: true path: "/m" }'), '/m', 200],
    ['as JSON', parse('{"prometheus_config": {"enable": true, "path": "/m"}}'), '/m', 200],
    ['not where a config does not enable it', parse('prometheus_config { path: "/m" }'), '/m', 404],
    ['not where a config is empty', parse(''), path, 404],
  ])('is there %s', async (_title, options, wanted, status) => {
    const answer = await (await serve(options)).send('GET', wanted);
    expect(answer.status).toBe(status);
    if (status !== 200) return;
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(samplesOf(answer.text).get('servable_request_rows_total{model="linear",version="1"}')).toBe(1);
  });

  it('answers what came with more than the path as TF Serving does', async () => {
    const answer = await (await serve({})).send('GET', `${path}?x=1`);
    expect([answer.status, answer.text]).toEqual([400, `Unexpected path: ${path}?x=1. Should be ${path}`]);
  });

  it.each([
    ['Prometheus', prometheus, 'application/openmetrics-text; version=1.0.0; charset=utf-8'],
    ['curl', '*/*', 'text/plain; version=0.0.4; charset=utf-8'],
    ['nobody in particular', undefined, 'text/plain; version=0.0.4; charset=utf-8'],
    ['a browser', 'text/html,application/xhtml+xml,*/*;q=0.8', 'text/plain; version=0.0.4; charset=utf-8'],
    [
      'who prefers text',
      'application/openmetrics-text;q=0.1,text/plain;q=0.2',
      'text/plain; version=0.0.4; charset=utf-8',
    ],
    ['who writes nonsense', ';;q=,,text/plain;q=x', 'text/plain; version=0.0.4; charset=utf-8'],
  ])('answers %s in the format that is asked for', async (_title, accept, type) => {
    const answer = await (await serve({})).send('GET', path, { headers: accept ? { accept } : {} });
    expect(answer.headers['content-type']).toBe(type);
    expect(answer.text.endsWith('# EOF\n')).toBe(type.startsWith('application/'));
  });

  it('keeps the names and the values of all series in OpenMetrics', async () => {
    const http = await serve({});
    const text = (await http.send('GET', path)).text;
    const open = (await http.send('GET', path, { headers: { accept: prometheus } })).text;
    const isStill = (key: string) => !/delay|threads|latency|duration/.test(key);
    const names = (samples: Samples) => [...samples.keys()].filter(isStill);
    expect(names(samplesOf(open))).toEqual(names(samplesOf(text)));
    expect(typesOf(open).get('servable_requests')).toBe('counter');
    expect(typesOf(open).get(':tensorflow:serving:request_count')).toBe('unknown');
    expect(typesOf(text).get(':tensorflow:serving:request_count')).toBe('counter');
  });

  it('names the traces of requests that their clients record, in OpenMetrics', async () => {
    const http = await serve({});
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const send = (traceparent: string) =>
      http.post('/v1/models/linear:predict', { instances: [1] }, { traceparent });
    await send(`00-${'1'.repeat(32)}-00f067aa0ba902b7-00`); // not recorded
    await send(`00-${traceId}-00f067aa0ba902b7-01`);
    await send('nonsense');
    const { text } = await http.send('GET', path, { headers: { accept: prometheus } });
    const exemplars = [...text.matchAll(/^([^{]+).* # \{(.*)\} [\d.]+ [\d.]+$/gm)].map((match) =>
      match.slice(1),
    );
    expect(exemplars).toEqual([
      [':tensorflow:serving:request_latency_bucket', `trace_id="${traceId}"`],
      ['servable_request_duration_seconds_bucket', `trace_id="${traceId}"`],
    ]);
    expect((await http.send('GET', path)).text).not.toContain(traceId);
  });

  it('prints a registry of the host’s in its place', async () => {
    const source = { contentType: 'text/x-own', metrics: () => 'own 1\n' };
    const answer = await (await serve({ source })).send('GET', path, { headers: { accept: prometheus } });
    expect([answer.headers['content-type'], answer.text]).toEqual(['text/x-own', 'own 1\n']);
  });

  it.each([
    ['metrics.enable', { enable: 'yes' }],
    ['metrics.path', { path: 'no-slash' }],
    ['metrics.source', { source: {} }],
    ['metrics.on', { on: true }],
  ])('refuses a wrong %s', (option, metrics) => {
    const error = caught(() => createHttpHandler(server, { metrics: metrics as never }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', option });
  });

  it('needs a source where the server has no metrics', () => {
    const error = caught(() => createHttpHandler(standInServer({}), { metrics: {} }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', option: 'metrics.source' });
  });
});

function parse(text: string) {
  return parseMonitoringConfig(text, { file: join(folder, 'monitoring.config') });
}
