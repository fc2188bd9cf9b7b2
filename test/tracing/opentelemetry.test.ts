import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import {
  type Context,
  type ContextManager,
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { ModelServer, type ModelServerOptions, tensor } from 'servable';
import { createGrpcServer } from 'servable/grpc';
import { bridgeOpenTelemetry } from 'servable/opentelemetry';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { grpc } from '../support/grpc.js';
import { serveHttpForTest } from '../support/http.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { allTurns } from '../support/turns.js';

const folder = temporaryFolder();
writeModel(folder, 'linear', 1, authored.linear(1, 1));

const x = tensor('float32', [1], [1]);
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${parentId}-01`;

/** What a program sets up once, beside the bridge: which span is active, and how traces cross wires. */
class ActiveContext implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active = () => this.#storage.getStore() ?? ROOT_CONTEXT;
  with: ContextManager['with'] = (active, fn, self, ...args) =>
    this.#storage.run(active, () => fn.apply(self as never, args));
  bind = <T>(_context: Context, target: T) => target;
  enable = () => this;
  disable = () => this;
}

beforeAll(() => {
  context.setGlobalContextManager(new ActiveContext());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});
afterAll(() => {
  context.disable();
  propagation.disable();
});

interface Bridge {
  readonly tracerProvider: BasicTracerProvider;
  readonly stop: () => void;
  /** The finished spans of a name. */
  spans(name: string): readonly ReadableSpan[];
}

function bridge(options: { readonly sampler?: Sampler } = {}): Bridge {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({
    ...options,
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const stop = bridgeOpenTelemetry({ tracerProvider });
  onTestFinished(stop);
  const spans = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name);
  return { tracerProvider, stop, spans };
}

async function started(options: Partial<ModelServerOptions> = {}, batching: object | false = false) {
  const models = [{ name: 'linear', basePath: join(folder, 'linear'), batching }];
  const server = new ModelServer({ models, pollIntervalMs: 0, numBatchThreads: 1, ...options });
  onTestFinished(() => server.close());
  return await server.start();
}

const parentOf = (span: ReadableSpan | undefined) => span?.parentSpanContext?.spanId;
const idOf = (span: ReadableSpan | undefined) => span?.spanContext().spanId;

describe('the bridge to OpenTelemetry', () => {
  it('joins a request over REST to the trace of its client', async () => {
    const { spans } = bridge();
    const http = await serveHttpForTest(await started());
    await http.post('/v1/models/linear:predict', { instances: [1] }, { traceparent });
    const [request] = spans('servable.request');
    const [predict] = spans('servable.predict');
    expect(request?.kind).toBe(SpanKind.SERVER);
    expect(request?.spanContext().traceId).toBe(traceId);
    expect(parentOf(request)).toBe(parentId);
    expect(request?.attributes).toMatchObject({
      'servable.entrypoint': 'REST',
      'servable.api': 'predict',
      'servable.model': 'linear',
    });
    expect(parentOf(predict)).toBe(idOf(request));
    expect(parentOf(spans('servable.run')[0])).toBe(idOf(predict));
    expect(predict?.attributes).toMatchObject({
      'servable.method': 'predict',
      'servable.model': 'linear',
      'servable.version': 1,
      'servable.rows': 1,
      'servable.run_micros': expect.any(Number),
    });
  });

  it('joins a request over gRPC to the trace of its client', async () => {
    const { spans } = bridge();
    const grpcServer = createGrpcServer(await started());
    const { port } = await grpcServer.listen('127.0.0.1:0');
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    onTestFinished(async () => {
      client.close();
      await grpcServer.close({ graceMs: 0 });
    });
    const metadata = new grpc.Metadata();
    metadata.set('traceparent', traceparent);
    const same = (bytes: Buffer) => bytes;
    const method = '/tensorflow.serving.PredictionService/Predict';
    await new Promise((resolve) => {
      client.makeUnaryRequest(method, same, same, Buffer.alloc(0), metadata, resolve); // names no model
    });
    const [request] = spans('servable.request');
    expect(request?.spanContext().traceId).toBe(traceId);
    expect(parentOf(request)).toBe(parentId);
    expect(request?.attributes).toMatchObject({
      'servable.entrypoint': 'GRPC',
      'servable.api': 'Predict',
      'servable.code': 'INVALID_ARGUMENT',
    });
    expect(request?.status.code, 'a mistake of the client').toBe(SpanStatusCode.UNSET);
  });

  it('puts a request of this process below the span that is active where it is asked', async () => {
    const { tracerProvider, spans } = bridge();
    const server = await started();
    const tracer = tracerProvider.getTracer('host');
    await tracer.startActiveSpan('host', async (span) => {
      await server.predict('linear', { x });
      span.end();
    });
    expect(parentOf(spans('servable.predict')[0])).toBe(idOf(spans('host')[0]));
    await server.predict('linear', { x });
    expect(parentOf(spans('servable.predict')[1])).toBeUndefined();
  });

  it('links a batch to the requests that share it', async () => {
    const { spans } = bridge();
    const server = await started({}, { maxBatchSize: 8 });
    await Promise.all([1, 2, 3].map(() => server.predict('linear', { x })));
    const [batch] = spans('servable.batch');
    const predicts = spans('servable.predict');
    expect(parentOf(batch)).toBeUndefined();
    expect(batch?.links.map(({ context: linked }) => linked.spanId).sort()).toEqual(
      predicts.map(idOf).sort(),
    );
    expect(batch?.attributes).toMatchObject({ 'servable.requests': 3, 'servable.rows': 3 });
    expect(parentOf(spans('servable.run').at(-1))).toBe(idOf(batch));
  });

  it('makes a failed span of what the server could not do, and tells loads', async () => {
    writeModel(folder, 'broken', 1, new Uint8Array([1]));
    const { spans } = bridge();
    const broken = { name: 'broken', basePath: join(folder, 'broken') };
    const server = await started({ models: [broken] });
    const [load] = spans('servable.load');
    expect(load?.status.code).toBe(SpanStatusCode.ERROR);
    expect(load?.attributes).toMatchObject({ 'servable.model': 'broken', 'servable.code': 'DATA_LOSS' });
    await rejection(server.predict('broken', { x }));
    expect(spans('servable.predict')[0]?.attributes['servable.code']).toBe('NOT_FOUND');
  });

  it('gives the traces that are recorded to the exemplars of the metrics, and no others', async () => {
    const recorded = bridge();
    const server = await started();
    await server.predict('linear', { x });
    const id = recorded.spans('servable.predict')[0]?.spanContext().traceId;
    expect(await server.metrics.collect({ format: 'openmetrics' })).toContain(`trace_id="${id}"`);
    recorded.stop();
    bridge({ sampler: new AlwaysOffSampler() });
    const other = await started();
    await other.predict('linear', { x });
    expect(await other.metrics.collect({ format: 'openmetrics' })).not.toContain('trace_id');
  });

  it('stops when it is told to, in the middle of a request, too', async () => {
    const { spans, stop } = bridge();
    const server = await started();
    const answer = server.predict('linear', { x });
    stop();
    await answer;
    await server.predict('linear', { x });
    await allTurns();
    expect(spans('servable.predict')).toEqual([]);
  });
});
