import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { ModelServer } from 'servable';
import type { GrpcServerOptions } from 'servable/grpc';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GrpcClient, type Served, serveGrpc } from '../../support/grpc.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';
import { framed, open, statusOf } from '../../support/raw-grpc.js';

const folder = temporaryFolder();
const server = new ModelServer({
  models: [{ name: 'linear', basePath: writeModel(folder, 'linear', 1, authored.linear(1, 1)) }],
});
const ends: (() => unknown)[] = [];

beforeAll(async () => void (await server.start()));
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => server.close());

interface Arranged extends Served {
  readonly neighbour: GrpcClient;
  readonly session: ClientHttp2Session;
  readonly socket: () => Promise<Socket>;
}

/** A server, a client that behaves, and a connection on which a test may do what it likes. */
async function arrange(options?: GrpcServerOptions): Promise<Arranged> {
  const served = await serveGrpc(server, options);
  const session = connect(`http://${served.address}`);
  session.on('error', () => {}); // what becomes of it is for the tests to look at
  const [host, port] = served.address.split(':') as [string, string];
  ends.push(
    () => served.grpcServer.close({ graceMs: 0 }),
    () => served.client.close(),
    () => session.destroy(),
  );
  const socket = async () => {
    const opened = connectSocket(Number(port), host);
    opened.on('error', () => {});
    ends.push(() => opened.destroy());
    await once(opened, 'connect');
    return opened;
  };
  return { ...served, neighbour: served.client, session, socket };
}

const predict = (values: number) => ({
  model_spec: { name: 'linear' },
  inputs: {
    x: {
      dtype: 'DT_FLOAT',
      tensor_shape: { dim: [{ size: values }] },
      tensor_content: Buffer.alloc(4 * values),
    },
  },
});

async function expectServed(neighbour: GrpcClient): Promise<void> {
  expect((await neighbour.call('Predict', predict(1))).outputs.y.float_val).toEqual([1]);
}

describe('a client that sends', () => {
  it.each<[string, (bytes: Buffer) => Buffer, string]>([
    ['nothing', () => Buffer.alloc(0), 'UNIMPLEMENTED'],
    ['two messages', (bytes) => Buffer.concat([framed(bytes), framed(bytes)]), 'UNIMPLEMENTED'],
    ['what is not compressed, as compressed', (bytes) => framed(bytes, { compressed: 1 }), 'INTERNAL'],
  ])('%s is told so, and others are served', async (_what, bytes, status) => {
    const { neighbour, session } = await arrange();
    const stream = open(session, { 'grpc-encoding': 'gzip' });
    stream.end(bytes(neighbour.encode('Predict', predict(1))));
    expect(await statusOf(stream)).toBe(status);
    await expectServed(neighbour);
  });

  it('a length that no memory has is told so at once', async () => {
    const { neighbour, session } = await arrange();
    const stream = open(session);
    stream.write(framed(Buffer.alloc(10), { length: 2 ** 32 - 1 }));
    expect(await statusOf(stream)).toBe('RESOURCE_EXHAUSTED');
    await expectServed(neighbour);
  });

  it('a gzip bomb is told so when it has grown to what a message may have', async () => {
    const limits = { 'grpc.max_receive_message_length': 2 ** 20 };
    const { neighbour, session } = await arrange({ channelArguments: limits });
    const stream = open(session, { 'grpc-encoding': 'gzip' });
    stream.end(framed(gzipSync(Buffer.alloc(2 ** 28)), { compressed: 1 }));
    expect(await statusOf(stream)).toBe('RESOURCE_EXHAUSTED');
    await expectServed(neighbour);
  });

  it('a message that is truly compressed is answered', async () => {
    const { neighbour, session } = await arrange();
    const stream = open(session, { 'grpc-encoding': 'gzip' });
    stream.end(framed(gzipSync(neighbour.encode('Predict', predict(1000))), { compressed: 1 }));
    expect(await statusOf(stream)).toBe('OK');
  });

  it('other content than gRPC is refused', async () => {
    const { neighbour, session } = await arrange();
    const stream = open(session, { 'content-type': 'application/json' });
    stream.end('{}');
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(415);
    await expectServed(neighbour);
  });

  it.each<[string, Buffer]>([
    ['HTTP/1.1', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['TLS', Buffer.from('160301000501000001000303', 'hex')],
    ['zeros', Buffer.alloc(10_000)],
  ])('%s to a port of HTTP/2 is hung up on', async (_what, bytes) => {
    const { neighbour, socket } = await arrange();
    const raw = await socket();
    raw.resume().write(bytes);
    await once(raw, 'close');
    await expectServed(neighbour);
  });
});

describe('a client that goes away', () => {
  it('in the middle of a message leaves nothing behind: the server can be closed', async () => {
    const { neighbour, session, grpcServer } = await arrange();
    const bytes = framed(neighbour.encode('Predict', predict(100_000)));
    const streams = Array.from({ length: 100 }, () => open(session));
    for (const stream of streams) stream.write(bytes.subarray(0, 1000));
    await expectServed(neighbour);
    session.destroy();
    await expectServed(neighbour);
    await grpcServer.close({ graceMs: Number.POSITIVE_INFINITY });
  });

  it('from thousands of calls as soon as it has made them harms nobody', async () => {
    const { neighbour, session, grpcServer } = await arrange();
    const bytes = framed(neighbour.encode('Predict', predict(1)));
    for (let round = 0; round < 20; round++) {
      const streams = Array.from({ length: 200 }, () => open(session));
      const closed = streams.map((stream) => once(stream, 'close'));
      for (const stream of streams) {
        stream.end(bytes);
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await Promise.all(closed);
      await expectServed(neighbour);
      if (session.destroyed) break; // the server may have had enough of it
    }
    session.destroy();
    await grpcServer.close({ graceMs: Number.POSITIVE_INFINITY });
  });
});

describe('a client that takes too much', () => {
  it('streams beyond what a connection may have are kept back, and all are answered', async () => {
    const { neighbour, session } = await arrange({
      channelArguments: { 'grpc.max_concurrent_streams': 100 },
    });
    await once(session, 'remoteSettings');
    expect(session.remoteSettings.maxConcurrentStreams).toBe(100);
    const bytes = framed(neighbour.encode('Predict', predict(1)));
    const statuses: string[] = [];
    // By its own count of streams, as clients do that keep to what they were told.
    for (let sent = 0; sent < 10_000; sent += 100) {
      const streams = Array.from({ length: 100 }, () => open(session));
      for (const stream of streams) stream.end(bytes);
      statuses.push(...(await Promise.all(streams.map(statusOf))));
    }
    expect(statuses.filter((status) => status !== 'OK')).toEqual([]);
    await expectServed(neighbour);
  });

  it('10,000 streams at once, half of them open for good, harm nobody else', async () => {
    const { neighbour, session, grpcServer } = await arrange();
    await once(session, 'remoteSettings');
    const bytes = framed(neighbour.encode('Predict', predict(1)));
    const streams = Array.from({ length: 10_000 }, () => open(session));
    for (const [place, stream] of streams.entries()) {
      if (place % 2 === 0) stream.end(bytes);
      else stream.write(bytes.subarray(0, 3));
    }
    for (let call = 0; call < 20; call++) await expectServed(neighbour);
    session.destroy();
    await grpcServer.close({ graceMs: Number.POSITIVE_INFINITY });
  });

  it('a flood of tiny requests on 8 connections is answered, and so is a neighbour within it', async () => {
    const { address, neighbour, client } = await arrange();
    const sessions = Array.from({ length: 8 }, () => connect(`http://${address}`));
    const bytes = framed(client.encode('Predict', predict(1)));
    const flood = sessions.map(async (session) => {
      let answered = 0;
      for (let round = 0; round < 10; round++) {
        const streams = Array.from({ length: 100 }, () => open(session));
        for (const stream of streams) stream.end(bytes);
        const statuses = await Promise.all(streams.map(statusOf));
        answered += statuses.filter((status) => status === 'OK').length;
      }
      session.destroy();
      return answered;
    });
    for (let call = 0; call < 50; call++) await expectServed(neighbour);
    expect(await Promise.all(flood)).toEqual(Array(8).fill(1000));
  });
});
