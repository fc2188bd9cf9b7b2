import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect,
  type Http2Server,
  type SecureClientSessionOptions,
  type ServerHttp2Session,
} from 'node:http2';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { defaultFlowControlWindowBytes, widenFlowControl } from '#dist/transport/grpc/flow-control.js';
import { Certificates, hasOpenssl } from '../../support/certificates.js';
import { temporaryFolder } from '../../support/onnx/model-folder.js';

const folder = temporaryFolder();
const http2WindowBytes = 65_535;
const mebibyte = 2 ** 20;

const releases: (() => void)[] = [];
afterEach(() => {
  for (const release of releases.splice(0).reverse()) release();
});

const identity = (bytes: Buffer) => bytes;
const upload = {
  Up: {
    path: '/test.Upload/Up',
    requestStream: true,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
} satisfies grpc.ServiceDefinition;

/** A server with a method that reads nothing of what it is sent. */
function createServer(options: grpc.ServerOptions = {}): grpc.Server {
  const server = new grpc.Server(options);
  releases.push(() => server.forceShutdown());
  server.addService(upload, { Up: () => {} });
  return server;
}

function bind(
  server: grpc.Server,
  address = '127.0.0.1:0',
  credentials = grpc.ServerCredentials.createInsecure(),
): Promise<number> {
  return new Promise((resolve, reject) =>
    server.bindAsync(address, credentials, (error, port) => (error ? reject(error) : resolve(port))),
  );
}

/** The private fields that are widened. */
function internals(server: grpc.Server) {
  return server as unknown as {
    commonServerOptions: { settings?: object };
    http2Servers: Map<Http2Server, unknown>;
  };
}

/** A client that has heard the server's settings. */
async function connectTo(
  authority: string,
  options?: ClientSessionOptions | SecureClientSessionOptions,
): Promise<ClientHttp2Session> {
  const session = connect(authority, options);
  releases.push(() => session.destroy());
  await new Promise((resolve, reject) => session.on('remoteSettings', resolve).on('error', reject));
  return session;
}

const ping = (session: ClientHttp2Session) =>
  new Promise<void>((resolve, reject) => {
    session.ping((error) => (error ? reject(error) : resolve()));
  });

/** What a client may send; after some round trips, in which all has come that a server says by itself. */
async function windowsOf(session: ClientHttp2Session) {
  for (let trip = 0; trip < 5; trip++) await ping(session);
  return {
    stream: session.remoteSettings.initialWindowSize,
    connection: session.state.remoteWindowSize,
  };
}

const both = (bytes: number) => ({ stream: bytes, connection: bytes });

describe('the flow control of a gRPC server', () => {
  it.each([http2WindowBytes + 1, mebibyte, defaultFlowControlWindowBytes, 2 ** 31 - 1])(
    'lets a client send %i bytes ahead, in a stream and in all of them',
    async (bytes) => {
      const server = createServer();
      const widen = widenFlowControl(server, bytes);
      const port = await bind(server);
      widen();
      expect(await windowsOf(await connectTo(`http://127.0.0.1:${port}`))).toEqual(both(bytes));
    },
  );

  it('is HTTP/2’s own without it: grpc-js does not do it yet, and if this fails, it does', async () => {
    const server = createServer({ 'grpc-node.flow_control_window': mebibyte });
    const port = await bind(server);
    expect(await windowsOf(await connectTo(`http://127.0.0.1:${port}`))).toEqual(both(http2WindowBytes));
  });

  it.each([
    [true, true],
    [false, false],
  ])('takes a megabyte that its handler does not read where it is wide: %s', async (isWide, isSent) => {
    const server = createServer();
    const widen = widenFlowControl(server, isWide ? 2 * mebibyte : http2WindowBytes);
    const port = await bind(server);
    widen();
    const session = await connectTo(`http://127.0.0.1:${port}`);
    await windowsOf(session);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/test.Upload/Up',
      'content-type': 'application/grpc+proto',
      te: 'trailers',
    });
    stream.on('error', () => {}); // of the end of the test
    let hasBeenSent = false;
    stream.write(Buffer.alloc(mebibyte), () => {
      hasBeenSent = true;
    });
    await windowsOf(session);
    expect(hasBeenSent).toBe(isSent);
  });

  it('keeps the other settings of the server', async () => {
    const server = createServer({ 'grpc.max_concurrent_streams': 7 });
    const widen = widenFlowControl(server, mebibyte);
    const port = await bind(server);
    widen();
    const session = await connectTo(`http://127.0.0.1:${port}`);
    expect(session.remoteSettings).toMatchObject({ maxConcurrentStreams: 7, initialWindowSize: mebibyte });
  });

  it('is wide on each address that is bound, and on the first one only once', async () => {
    const server = createServer();
    const widen = widenFlowControl(server, mebibyte);
    const first = await bind(server);
    widen();
    const second = await bind(server);
    widen();
    for (const port of [first, second]) {
      expect(await windowsOf(await connectTo(`http://127.0.0.1:${port}`))).toEqual(both(mebibyte));
    }
    const listeners = [...internals(server).http2Servers.keys()].map((each) => each.listenerCount('session'));
    expect(new Set(listeners).size).toBe(1);
  });

  it('is wide on a unix socket', async () => {
    const path = join(folder, 'socket');
    const server = createServer();
    const widen = widenFlowControl(server, mebibyte);
    await bind(server, `unix:${path}`);
    widen();
    const { connect: open } = await import('node:net');
    const session = await connectTo('http://localhost', { createConnection: () => open(path) });
    expect(await windowsOf(session)).toEqual(both(mebibyte));
  });

  it.skipIf(!hasOpenssl)('is wide on TLS (needs the program openssl)', async () => {
    const certificates = new Certificates(folder);
    const authority = certificates.authority('authority');
    const { key, cert } = certificates.issue(authority, 'localhost');
    const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) };
    const server = createServer();
    const widen = widenFlowControl(server, mebibyte);
    const port = await bind(server, 'localhost:0', grpc.ServerCredentials.createSsl(null, [pair]));
    widen();
    const session = await connectTo(`https://localhost:${port}`, { ca: authority.cert });
    expect(await windowsOf(session)).toEqual(both(mebibyte));
  });
});

describe('a server whose windows are not widened', () => {
  it.each([http2WindowBytes, 1, 0, -1, Number.NaN])('is one that is asked for %d bytes', async (bytes) => {
    const server = createServer();
    const widen = widenFlowControl(server, bytes);
    const port = await bind(server);
    widen();
    expect(internals(server).commonServerOptions).not.toHaveProperty('settings');
    expect(await windowsOf(await connectTo(`http://127.0.0.1:${port}`))).toEqual(both(http2WindowBytes));
  });

  it.each<[string, object]>([
    ['without the private fields', {}],
    ['with null in their place', { commonServerOptions: null, http2Servers: null }],
    ['with fields of another type', { commonServerOptions: 7, http2Servers: 'none' }],
    ['with settings of another type', { commonServerOptions: { settings: 7 }, http2Servers: new Map() }],
    ['with options that are frozen', { commonServerOptions: Object.freeze({}), http2Servers: [] }],
    [
      'with servers that emit nothing',
      {
        http2Servers: new Map<unknown, unknown>([
          [{}, 1],
          [null, 2],
        ]),
      },
    ],
  ])('is one %s, which is left as it is', (_what, server) => {
    const before = structuredClone(server);
    widenFlowControl(server as grpc.Server, mebibyte)();
    expect(server).toEqual(before);
  });

  it('is one whose grpc-js does it itself', async () => {
    const server = createServer();
    const { commonServerOptions, http2Servers } = internals(server);
    const settings = { initialWindowSize: 2 * mebibyte };
    commonServerOptions.settings = settings;
    const widen = widenFlowControl(server, mebibyte);
    expect(commonServerOptions.settings).toBe(settings);

    const port = await bind(server);
    const calls: number[] = [];
    const [http2Server] = [...http2Servers.keys()];
    http2Server?.on('session', (session: ServerHttp2Session) => {
      session.setLocalWindowSize(2 * mebibyte);
      session.setLocalWindowSize = (bytes) => void calls.push(bytes);
    });
    widen();
    expect(await windowsOf(await connectTo(`http://127.0.0.1:${port}`))).toEqual(both(2 * mebibyte));
    expect(calls).toEqual([]);
  });

  it('is left alone where a session has been destroyed before it is heard of', async () => {
    const server = createServer();
    const widen = widenFlowControl(server, mebibyte);
    const port = await bind(server);
    const [http2Server] = [...internals(server).http2Servers.keys()];
    const seen: boolean[] = [];
    http2Server?.once('session', (session: ServerHttp2Session) => session.destroy());
    widen();
    http2Server?.once('session', ({ destroyed }: ServerHttp2Session) => void seen.push(destroyed));
    const session = connect(`http://127.0.0.1:${port}`);
    releases.push(() => session.destroy());
    await new Promise((resolve) => session.on('close', resolve).on('error', () => {}));
    expect(seen).toEqual([true]);
    expect(await windowsOf(await connectTo(`http://127.0.0.1:${port}`))).toEqual(both(mebibyte));
  });
});
