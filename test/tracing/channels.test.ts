import { tracingChannel } from 'node:diagnostics_channel';
import { join } from 'node:path';
import {
  type BatchRecord,
  type LoadRecord,
  type ModelRun,
  ModelServer,
  type ModelServerOptions,
  type RequestRecord,
  tensor,
  type WireRecord,
} from 'servable';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serveHttpForTest } from '../support/http.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';
import { collectUncaught } from '../support/uncaught.js';

const folder = temporaryFolder();
writeModel(folder, 'linear', 1, authored.linear(1, 1));
writeModel(folder, 'gather', 1, authored.gatherTable());

const x = tensor('float32', [1], [1]);

interface Told<Message> {
  readonly event: string;
  readonly message: Message;
}

/** Listens to a channel until the test ends. */
function listen<Message extends object>(name: string): Told<Message & { readonly error?: unknown }>[] {
  const told: Told<Message & { readonly error?: unknown }>[] = [];
  const events = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];
  const listeners = Object.fromEntries(
    events.map((event) => [event, (message: never) => void told.push({ event, message })]),
  );
  const channel = tracingChannel(name);
  channel.subscribe(listeners as never);
  onTestFinished(() => void channel.unsubscribe(listeners as never));
  return told;
}

async function started(
  name: string,
  options: Partial<ModelServerOptions> = {},
  batching: object | false = false,
) {
  const models = [{ name, basePath: join(folder, name), batching }];
  const server = new ModelServer({ models, pollIntervalMs: 0, ...options });
  onTestFinished(() => server.close());
  return await server.start();
}

const eventsOf = (told: readonly Told<object>[]) => told.map(({ event }) => event);

describe('tracing channels', () => {
  it('tell of a request to the server, with the one message from its begin to its end', async () => {
    const told = listen<RequestRecord>('servable:predict');
    const server = await started('linear');
    const answer = server.predict('linear', { x });
    expect(eventsOf(told)).toEqual(['start', 'end']);
    await answer;
    expect(eventsOf(told)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    const [{ message }] = told as [Told<RequestRecord>];
    expect(new Set(told.map((each) => each.message)).size).toBe(1);
    expect(message).toMatchObject({
      method: 'predict',
      spec: { model: 'linear' },
      id: { model: 'linear', version: 1 },
      rows: 1,
      wire: undefined,
      error: undefined,
    });
    expect(message.runMicros).toBeGreaterThan(0);
    expect(message.endedMs).toBeGreaterThanOrEqual(message.handedOverMs ?? Number.POSITIVE_INFINITY);
  });

  it('tell why a request failed', async () => {
    const told = listen<RequestRecord>('servable:predict');
    const server = await started('linear');
    const error = await rejection(server.predict('nobody', { x }));
    expect(eventsOf(told)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    expect(told[0]?.message.error).toBe(error);
  });

  it('tell of the runs that requests share, and on whose behalf the model runs', async () => {
    const predicts = listen<RequestRecord>('servable:predict');
    const batches = listen<BatchRecord>('servable:batch');
    const runs = listen<ModelRun>('servable:run');
    const server = await started(
      'linear',
      { numBatchThreads: 1 },
      { allowedBatchSizes: [4], maxBatchSize: 4 },
    );
    runs.length = 0; // trials before it was available
    await Promise.all([server.predict('linear', { x }), server.predict('linear', { x })]);
    const [batch] = batches.map(({ message }) => message);
    expect(batch).toMatchObject({ id: { model: 'linear', version: 1 }, rows: 2, padding: 2, attempt: 0 });
    const requests = new Set(predicts.map(({ message }) => message));
    expect(batch?.requests).toEqual([...requests]);
    expect(runs.map(({ event }) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(runs[0]?.message.origin).toBe(batch);
    for (const request of requests) {
      expect(request.runMicros).toBe(batch?.runMicros);
      expect(request.queueMicros).toBeGreaterThan(0);
    }
  });

  it('tell the same error of a run that the server would', async () => {
    const runs = listen<ModelRun>('servable:run');
    const server = await started('gather');
    runs.length = 0;
    const error = await rejection(server.predict('gather', { ids: tensor('int64', [1], [99]) }));
    expect(error.message).toMatch(/^Cannot run gather@1: (?!Cannot run).*indices/);
    expect(eventsOf(runs)).toContain('error');
    expect(runs[0]?.message.error).toMatchObject({ code: 'INVALID_ARGUMENT', message: error.message });
  });

  it('tell of loads, of those that fail too', async () => {
    const told = listen<LoadRecord>('servable:load');
    writeModel(folder, 'broken', 1, new Uint8Array([1]));
    await started('broken');
    expect(told[0]?.message).toMatchObject({
      id: { model: 'broken', version: 1 },
      path: join(folder, 'broken/1'),
      error: { code: 'DATA_LOSS' },
    });
    expect(eventsOf(told)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
  });

  it('tell of requests over wires, and of what they ask', async () => {
    const wires = listen<WireRecord>('servable:request');
    const predicts = listen<RequestRecord>('servable:predict');
    const headers: unknown[] = [];
    const onEnd = (message: unknown) => headers.push((message as WireRecord).header('traceparent'));
    const channel = tracingChannel('servable:request');
    channel.asyncEnd.subscribe(onEnd);
    onTestFinished(() => void channel.asyncEnd.unsubscribe(onEnd));
    const http = await serveHttpForTest(await started('linear'));
    await http.post('/v1/models/linear:predict', { instances: [1] }, { traceparent: 'anything' });
    const [{ message: wire }] = wires as [Told<WireRecord>];
    expect(wire).toMatchObject({ entrypoint: 'REST', api: 'predict', model: 'linear', status: 'OK' });
    expect(headers).toEqual(['anything']);
    expect(wire.request).toBe(predicts[0]?.message);
    expect(predicts[0]?.message.wire).toBe(wire);
  });

  it('change nothing where a subscriber throws', async () => {
    const { uncaught } = collectUncaught();
    const channel = tracingChannel('servable:predict');
    const fault = new Error('a subscriber’s fault');
    const listener = () => {
      throw fault;
    };
    channel.start.subscribe(listener);
    onTestFinished(() => void channel.start.unsubscribe(listener));
    const server = await started('linear');
    expect((await server.predict('linear', { x })).outputs.y?.data).toEqual(new Float32Array([2]));
    expect(await uncaught()).toEqual([fault]);
  });
});
