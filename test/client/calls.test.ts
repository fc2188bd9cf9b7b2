import { connect, createServer, type Server, type Socket } from 'node:net';
import { ModelServer } from 'servable';
import { ServableClient, tensor } from 'servable/client';
import { createGrpcServer, type ServingApi } from 'servable/grpc';
import { createHttpHandler } from 'servable/http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  clientOf,
  type Listeners,
  listen,
  type ScriptedAnswer,
  scriptedServer,
  wires,
} from '../support/client.js';
import { countingSignal } from '../support/counting-signal.js';
import { FakeClock } from '../support/fake-clock.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const server = new ModelServer({
  models: [
    { name: 'spin', basePath: writeModel(folder, 'spin', 1, authored.spin()) },
    { name: 'linear', basePath: writeModel(folder, 'linear', 1, authored.linear(1, 1)) },
  ],
});
let listeners: Listeners;
beforeAll(async () => {
  await server.start();
  listeners = await listen(server);
});
afterAll(async () => {
  await listeners.close();
  await server.close();
});

const y = { y: 7 };
/** A script of these answers, the last of them for ever. */
const script =
  (...answers: readonly ScriptedAnswer[]) =>
  (call: number): ScriptedAnswer =>
    answers[Math.min(call, answers.length) - 1] as ScriptedAnswer;
const unavailable: ScriptedAnswer = { code: 'UNAVAILABLE', message: 'Not now' };
const noWait = { initialBackoffMs: 0 };
const spinFor = (rounds: number) => ({
  x: tensor('float32', [1, 256], new Float32Array(256)),
  n: tensor('int64', [], [BigInt(rounds)]),
});

describe.each(wires)('a call over %s', (wire) => {
  it('is made again until it is answered', async () => {
    const scripted = await scriptedServer(wire, script(unavailable, { code: 'RESOURCE_EXHAUSTED' }, y));
    const client = clientOf(scripted.address, { retry: noWait });
    const { outputs } = await client.predict('stub', {});
    expect(outputs.y?.data).toEqual(Float32Array.of(7));
    expect(scripted.calls).toBe(3);
  });

  it('fails with the error of its last attempt', async () => {
    const answers = script(unavailable, unavailable, { code: 'UNAVAILABLE', message: 'Not ever' });
    const scripted = await scriptedServer(wire, answers);
    const error = await rejection(clientOf(scripted.address, { retry: noWait }).predict('stub', {}));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', message: 'Not ever', retryable: true });
    expect(scripted.calls).toBe(3);
  });

  it.each(['INVALID_ARGUMENT', 'NOT_FOUND', 'INTERNAL', 'DEADLINE_EXCEEDED', 'UNAUTHENTICATED'] as const)(
    'is made once where it fails with %s',
    async (code) => {
      const scripted = await scriptedServer(wire, script({ code, message: 'Why' }, y));
      const error = await rejection(clientOf(scripted.address, { retry: noWait }).predict('stub', {}));
      expect([error.code, error.message, scripted.calls]).toEqual([code, 'Why', 1]);
    },
  );

  it('waits for its turn by the clock, a share that chance chooses', async () => {
    const clock = new FakeClock();
    const scripted = await scriptedServer(wire, script(unavailable, unavailable, y));
    const client = clientOf(scripted.address, {
      clock,
      random: () => 0.5,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
    const answer = client.predict('stub', {});
    for (const [attempt, waitMs] of [50, 100].entries()) {
      await scripted.untilCalled(attempt + 1);
      await until(() => clock.pending === 1);
      expect(clock.untilNextMs).toBe(waitMs);
      clock.advance(waitMs);
    }
    expect((await answer).outputs.y?.data[0]).toBe(7);
    expect(clock.pending).toBe(0);
  });

  it('is not made again where its time would be over before', async () => {
    const clock = new FakeClock();
    const scripted = await scriptedServer(wire, script(unavailable, y));
    const client = clientOf(scripted.address, { clock, random: () => 1 });
    expect((await rejection(client.predict('stub', {}, { timeoutMs: 100 }))).code).toBe('UNAVAILABLE');
    expect(scripted.calls).toBe(1);
  });

  it('is over when its time is, on the server, too', async () => {
    const scripted = await scriptedServer(wire, script('nothing'));
    const error = await rejection(clientOf(scripted.address).predict('stub', {}, { timeoutMs: 30 }));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
    await scripted.untilAbandoned(1);
  });

  it('has the time of the client where it has none of its own', async () => {
    const scripted = await scriptedServer(wire, script('nothing'));
    const error = await rejection(clientOf(scripted.address, { timeoutMs: 30 }).predict('stub', {}));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
  });

  it('tells the server of its time, where the wire has a word for it', async () => {
    const scripted = await scriptedServer(wire, script(y));
    const client = clientOf(scripted.address);
    const beforeMs = Date.now();
    await client.predict('stub', {}, { timeoutMs: 30_000 });
    if (wire === 'rest') return expect(scripted.deadlineMs).toBe(Number.POSITIVE_INFINITY);
    expect(scripted.deadlineMs).toBeGreaterThan(beforeMs);
    expect(scripted.deadlineMs).toBeLessThanOrEqual(Date.now() + 30_000);
    await client.predict('stub', {}, { timeoutMs: Number.POSITIVE_INFINITY });
    expect(scripted.deadlineMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('refuses a time that is none, and a signal that was aborted before', async () => {
    const scripted = await scriptedServer(wire, script(y));
    const client = clientOf(scripted.address);
    expect((await rejection(client.predict('stub', {}, { timeoutMs: 0 }))).code).toBe('INVALID_ARGUMENT');
    const error = await rejection(client.predict('stub', {}, { signal: AbortSignal.abort('no') }));
    expect([error.code, error.cause, scripted.calls]).toEqual(['CANCELLED', 'no', 0]);
  });

  it('is over when it is aborted, on the server, too; nobody listens to the signal then', async () => {
    const scripted = await scriptedServer(wire, script('nothing'));
    const { controller, signal, listeners: count } = countingSignal();
    const answer = rejection(clientOf(scripted.address).predict('stub', {}, { signal }));
    await scripted.untilCalled(1);
    controller.abort('enough');
    const error = await answer;
    expect([error.code, error.cause]).toEqual(['CANCELLED', 'enough']);
    await scripted.untilAbandoned(1);
    await until(() => count() === 0);
  });

  it('is over when it is aborted between two attempts', async () => {
    const clock = new FakeClock();
    const scripted = await scriptedServer(wire, script(unavailable, y));
    const { controller, signal, listeners: count } = countingSignal();
    const client = clientOf(scripted.address, { clock, timeoutMs: Number.POSITIVE_INFINITY });
    const answer = rejection(client.predict('stub', {}, { signal }));
    await until(() => clock.pending === 1);
    controller.abort();
    expect((await answer).code).toBe('CANCELLED');
    await until(() => count() === 0);
    expect([clock.pending, scripted.calls]).toEqual([0, 1]);
  });

  it('stops a model that runs, when it is aborted', async () => {
    const controller = new AbortController();
    const answer = rejection(
      listeners.client(wire).predict('spin', spinFor(10_000_000_000), { signal: controller.signal }),
    );
    await until(() =>
      server.snapshot().models.some((model) => JSON.stringify(model).includes('"inFlight":1')),
    );
    controller.abort();
    expect((await answer).code).toBe('CANCELLED');
  });

  it('that the server cuts is UNAVAILABLE, and is made again', async () => {
    const scripted = await scriptedServer(wire, script('cut', y));
    const client = clientOf(scripted.address, { retry: false });
    const error = await rejection(client.predict('stub', {}));
    expect([error.code, error.retryable]).toEqual(['UNAVAILABLE', true]);
    const again = await scriptedServer(wire, script('cut', 'cut', y));
    const patient = clientOf(again.address, { retry: { maxAttempts: 20 } });
    expect((await patient.predict('stub', {})).outputs.y?.data[0]).toBe(7);
  });

  it('to a server that is not there is UNAVAILABLE, and says why', async () => {
    const port = await freePort();
    const scheme = wire === 'grpc' ? 'grpc' : 'http';
    const client = clientOf(`${scheme}://127.0.0.1:${port}`, { retry: false });
    const error = await rejection(client.predict('stub', {}));
    expect([error.code, error.retryable]).toEqual(['UNAVAILABLE', true]);
    expect(error.message).toContain(`ECONNREFUSED 127.0.0.1:${port}`);
  });

  it('to a host that is not known is UNAVAILABLE', async () => {
    const scheme = wire === 'grpc' ? 'grpc' : 'http';
    const client = clientOf(`${scheme}://no-such-host.invalid:1`, { retry: false, timeoutMs: 20_000 });
    expect((await rejection(client.predict('stub', {}))).code).toBe('UNAVAILABLE');
  });

  it('to what speaks another language fails, and does not hang', async () => {
    const talker = await listenRaw((socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    const scheme = wire === 'grpc' ? 'grpc' : 'http';
    const client = clientOf(`${scheme}://127.0.0.1:${talker}`, { retry: false, timeoutMs: 20_000 });
    expect((await rejection(client.predict('stub', {}))).code).toBe('UNAVAILABLE');
  });

  it('may be one of many that share a signal, without a warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const { signal } = new AbortController();
    const client = listeners.client(wire);
    const x = tensor('float32', [1], [1]);
    await Promise.all(Array.from({ length: 30 }, () => client.predict('linear', { x }, { signal })));
    expect(warnings).toEqual([]);
  });

  it('brings the headers that the client was given', async () => {
    const scripted = await scriptedServer(wire, script(y));
    await clientOf(scripted.address, { headers: { authorization: 'Bearer token' } }).predict('stub', {});
    expect(scripted.headers).toMatchObject({ authorization: 'Bearer token' });
  });

  it('is not sent where it is larger than it may be', async () => {
    const scripted = await scriptedServer(wire, script(y));
    const client = clientOf(scripted.address, { maxSendBytes: 1000 });
    const error = await rejection(
      client.predict('stub', { x: tensor('float64', [1000], Array(1000).fill(0.1)) }),
    );
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'message_too_large' });
    expect(error.message).toMatch(
      /^Cannot send a request to .*: it has \d+ bytes, expected at most 1000 bytes$/,
    );
    expect(scripted.calls).toBe(0);
  });

  it('fails once where the answer is larger than it may be', async () => {
    const scripted = await scriptedServer(wire, script({ bytes: Buffer.alloc(5000) }));
    const client = clientOf(scripted.address, { maxReceiveBytes: 1000, retry: noWait });
    const error = await rejection(client.predict('stub', {}));
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'message_too_large' });
    expect(scripted.calls).toBe(1);
  });

  it.each([
    ['random bytes', Uint8Array.of(0xff, 0xfe, 0x01)],
    ['nothing but a brace', Buffer.from('{')],
    ['a page of a gateway', Buffer.from('<html>It works!</html>')],
    ['JSON that is no answer', Buffer.from('{"outputs":{"z":[1]}}')],
    ['a tensor of text in place of numbers', Buffer.from('{"outputs":["a"]}')],
  ])('that is answered with %s is DATA_LOSS, and says of what', async (_what, bytes) => {
    const scripted = await scriptedServer(wire, script({ bytes }));
    const error = await rejection(clientOf(scripted.address, { retry: noWait }).predict('stub', {}));
    expect([error.code, scripted.calls]).toEqual(['DATA_LOSS', 1]);
    expect(error.message).toContain(`of ${scripted.address}, which has ${bytes.length} bytes: `);
  });
});

describe('an answer over REST', () => {
  it.each([
    ['within its body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"outputs":[1'],
    ['within a piece of it', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{"out'],
    ['within its headers', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['before it begins', ''],
  ])('that ends %s is UNAVAILABLE', async (_where, text) => {
    const port = await listenRaw((socket) => void socket.once('data', () => socket.end(text)));
    const error = await rejection(clientOf(`http://127.0.0.1:${port}`, { retry: false }).predict('stub', {}));
    expect([error.code, error.retryable]).toEqual(['UNAVAILABLE', true]);
    expect(error.message).toMatch(/^POST \/v1\/models\/stub:predict of http:.* was not answered: /);
  });
});

describe.each(wires)('a client over %s', (wire) => {
  it('waits for a server that comes up later, and for its model', async () => {
    const port = await freePort();
    const scheme = wire === 'grpc' ? 'grpc' : 'http';
    const clock = new FakeClock();
    const client = clientOf(`${scheme}://127.0.0.1:${port}`, { clock });
    let isReady = false;
    const waiting = client.waitForReady('linear').then(() => {
      isReady = true;
    });
    await until(() => clock.pending === 1);
    expect(await client.isReady()).toBe(false);
    const late = new ModelServer({ models: [{ name: 'linear', basePath: `${folder}/linear` }] });
    const lateListeners = await listenAt(late, wire, port);
    onTestFinished(async () => {
      await lateListeners();
      await late.close();
    });
    await untilReadyOrAdvanced(clock, () => client.isReady(), false); // it answers, and has no model yet
    expect(isReady).toBe(false);
    await late.start();
    await untilReadyOrAdvanced(clock, async () => isReady, true);
    await waiting;
    expect(await client.isReady('linear')).toBe(true);
    expect(await client.isReady({ model: 'linear', version: 1 })).toBe(true);
    expect(await client.isReady({ model: 'linear', version: 2 })).toBe(false);
    expect(await client.isReady({ model: 'linear', label: 'stable' })).toBe(false);
    expect(await client.isReady('nobody')).toBe(false);
    expect(await client.isReady()).toBe(true);
  });

  it('waits as long as it was told to', async () => {
    const scheme = wire === 'grpc' ? 'grpc' : 'http';
    const client = clientOf(`${scheme}://127.0.0.1:${await freePort()}`);
    const error = await rejection(client.waitForReady('linear', { timeoutMs: 40, pollIntervalMs: 5 }));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
    expect(error.message).toMatch(/^linear was not ready within 40 ms: .*ECONNREFUSED/);
    const controller = new AbortController();
    const waiting = rejection(client.waitForReady(undefined, { signal: controller.signal }));
    controller.abort();
    expect((await waiting).code).toBe('CANCELLED');
  });

  it('does not wait for what will not come', async () => {
    const denied =
      wire === 'grpc'
        ? (await scriptedServer('grpc', script('nothing'))).address // which does not have the method
        : `http://127.0.0.1:${await listenRaw(deny)}`;
    const error = await rejection(clientOf(denied).waitForReady({ model: 'stub', label: 'x' }));
    expect(error.code).toBe(wire === 'grpc' ? 'UNIMPLEMENTED' : 'UNAUTHENTICATED');
  });

  it('lets calls end when it is closed, and takes no more', async () => {
    const { address, ...scripted } = await scripted1(wire);
    const client = new ServableClient({ address });
    const answer = client.predict('stub', {});
    await scripted.untilCalled(1);
    const closed = client.close();
    expect(client.close()).toBe(closed);
    expect(await rejection(client.predict('stub', {}))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'Cannot call the server: the client is closed',
    });
    scripted.answer();
    expect((await answer).outputs.y?.data[0]).toBe(7);
    await closed;
  });

  it('cuts off what is left after its time of grace', async () => {
    const clock = new FakeClock();
    const scripted = await scriptedServer(wire, script('nothing'));
    const client = new ServableClient({ address: scripted.address, clock });
    const answer = rejection(client.predict('stub', {}));
    await scripted.untilCalled(1);
    const closed = client.close({ graceMs: 1000 });
    clock.advance(1000);
    expect(await answer).toMatchObject({
      code: 'CANCELLED',
      message: 'The client was closed before the answer came',
    });
    await closed;
    await scripted.untilAbandoned(1);
  });

  it('cuts off what waits for another attempt', async () => {
    const clock = new FakeClock();
    const scripted = await scriptedServer(wire, script(unavailable));
    const client = new ServableClient({ address: scripted.address, clock });
    const answer = rejection(client.predict('stub', {}));
    await until(() => clock.pending === 2); // its time, and the wait
    const closed = client.close({ graceMs: 0 });
    clock.advance(0);
    await closed;
    expect((await answer).code).toBe('CANCELLED');
    expect(clock.pending).toBe(0);
  });

  it('refuses a time of grace that is none, and is not closed then', async () => {
    const client = listeners.client(wire);
    expect(() => client.close({ graceMs: -1 })).toThrow('graceMs');
    const x = tensor('float32', [1], [1]);
    expect((await client.predict('linear', { x })).outputs.y?.data[0]).toBe(2);
  });

  it('ends its connections when it is closed', async () => {
    const scripted = await scriptedServer(wire, script(y));
    {
      await using client = new ServableClient({ address: scripted.address });
      await client.predict('stub', {});
    }
    await scripted.close(); // resolves when no connection is left
    expect(scripted.connections).toBe(1);
  });
});

describe('connections', () => {
  it.each([1, 4])('over gRPC are as many as were asked for: %i', async (connections) => {
    const scripted = await scriptedServer('grpc', script(y));
    const client = clientOf(scripted.address, { connections });
    for (let call = 0; call < 3 * connections; call++) await client.predict('stub', {});
    expect(scripted.connections).toBe(connections);
  });

  it('over gRPC share the calls, the least busy one first', async () => {
    const scripted = await scriptedServer('grpc', script('nothing'));
    const client = clientOf(scripted.address, { connections: 3 });
    const calls = Array.from({ length: 9 }, () => rejection(client.predict('stub', {})));
    await scripted.untilCalled(9);
    expect(scripted.connections).toBe(3);
    await client.close({ graceMs: 0 });
    for (const error of await Promise.all(calls)) expect(error.code).toBe('CANCELLED');
  });

  it('over REST are not made for calls that still wait for one when the client is closed', async () => {
    const scripted = await scriptedServer('rest', script('nothing'));
    const client = clientOf(scripted.address, { connections: 1 });
    const calls = Array.from({ length: 5 }, () => rejection(client.predict('stub', {})));
    await scripted.untilCalled(1);
    await client.close({ graceMs: 0 });
    for (const error of await Promise.all(calls)) expect(error.code).toBe('CANCELLED');
    await scripted.untilAbandoned(1);
    await scripted.close(); // resolves when no connection is left
    expect([scripted.calls, scripted.connections]).toEqual([1, 1]);
  });

  it('over REST are no more than were asked for, and calls wait for one', async () => {
    const scripted = await scriptedServer('rest', script(y));
    const client = clientOf(scripted.address, { connections: 2 });
    await Promise.all(Array.from({ length: 20 }, () => client.predict('stub', {})));
    expect([scripted.connections, scripted.calls]).toEqual([2, 20]);
  });
});

/** A server that answers its one call when it is told. */
async function scripted1(wire: (typeof wires)[number]) {
  let send: (() => void) | undefined;
  const relayed = await scriptedServer(wire, script(y));
  const { hostname, port } = new URL(relayed.address.replace('grpc', 'http'));
  // Between them a relay that holds back what the server says.
  const held: Buffer[] = [];
  let isHeld = true;
  const relay = await listenRaw((client) => {
    const upstream = connect(Number(port), hostname);
    upstream.on('error', () => {});
    client.on('error', () => {}).on('close', () => upstream.destroy());
    client.pipe(upstream);
    upstream.on('data', (piece) => {
      if (isHeld && relayed.calls > 0) held.push(piece);
      else client.write(piece);
    });
    send = () => {
      isHeld = false;
      for (const piece of held) client.write(piece);
    };
  });
  return {
    address: `${wire === 'grpc' ? 'grpc' : 'http'}://127.0.0.1:${relay}`,
    untilCalled: (times: number) => relayed.untilCalled(times),
    answer: () => send?.(),
  };
}

/** Answers every request of HTTP with 401. */
function deny(socket: Socket): void {
  socket.on('data', () => socket.write('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n'));
}

async function listenRaw(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const raw: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => raw.once('listening', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    raw.close();
  });
  return (raw.address() as { readonly port: number }).port;
}

async function listenAt(api: ServingApi, wire: (typeof wires)[number], port: number) {
  const listener = wire === 'grpc' ? createGrpcServer(api) : createHttpHandler(api);
  await listener.listen(`127.0.0.1:${port}`);
  return () => listener.close({ graceMs: 0 });
}

async function freePort(): Promise<number> {
  const raw = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => raw.once('listening', resolve));
  const { port } = raw.address() as { readonly port: number };
  await new Promise((resolve) => raw.close(resolve));
  return port;
}

/** Lets the event loop go on until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves time on, poll by poll, until the answer is the wanted one. */
async function untilReadyOrAdvanced(clock: FakeClock, ask: () => Promise<boolean>, wanted: boolean) {
  while ((await ask()) !== wanted) {
    clock.advance(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
