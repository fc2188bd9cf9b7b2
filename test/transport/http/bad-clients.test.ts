import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { ModelServer } from 'servable';
import type { HttpHandlerOptions, ServingApi } from 'servable/http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { type ServedHttp, serveHttpForTest } from '../../support/http.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';
import { standInServer } from '../../support/stand-in-server.js';
import { collectUncaught } from '../../support/uncaught.js';

const path = '/v1/models/linear:predict';
const server = new ModelServer({
  models: [{ name: 'linear', basePath: writeModel(temporaryFolder(), 'linear', 1, authored.linear(1, 0)) }],
});
beforeAll(async () => void (await server.start()));
afterAll(() => server.close());

interface Arranged extends ServedHttp {
  /** A connection on which a test may do what it likes. */
  open(): Promise<RawConnection>;
  /** Others are answered, and nothing was left uncaught. */
  expectUnharmed(): Promise<void>;
}

/** A socket, and all that came over it. */
interface RawConnection {
  readonly socket: Socket;
  received(): string;
  /** Until the server has hung up. */
  closed(): Promise<string>;
  /** Until a text has come. */
  until(text: string): Promise<string>;
}

async function arrange(options?: HttpHandlerOptions, api: ServingApi = server): Promise<Arranged> {
  const uncaught = collectUncaught();
  const served = await serveHttpForTest(api, options);
  const expectUnharmed = async () => {
    expect((await served.send('GET', '/healthz')).status).toBe(200);
    expect(await uncaught.uncaught()).toEqual([]);
  };
  return { ...served, open: () => openSocket(served.port), expectUnharmed };
}

async function openSocket(port: number): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
  });
  await once(socket, 'connect');
  return {
    socket,
    received: () => text,
    closed: async () => {
      if (!socket.closed) await once(socket, 'close');
      return text;
    },
    until: async (wanted) => {
      while (!text.includes(wanted)) await once(socket, 'data');
      return text;
    },
  };
}

const post = (body: string, headers = '', version = '1.1') =>
  `POST ${path} HTTP/${version}\r\nHost: a\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;

describe('a connection', () => {
  it('is kept for the next request, and several may be under way on it', async () => {
    const { open, expectUnharmed } = await arrange();
    const { socket, until } = await open();
    const values = Array.from({ length: 50 }, (_, value) => value);
    socket.write(values.map((value) => post(`{"instances":[${value}]}`)).join(''));
    const text = await until(`{"predictions":[49.0]}`);
    const answers = [...text.matchAll(/"predictions":\[(\d+)\.0\]/g)].map(([, value]) => Number(value));
    expect(answers).toEqual(values);
    socket.write(post('{"instances":[1000]}'));
    await until('{"predictions":[1000.0]}');
    await expectUnharmed();
  });

  it('of HTTP/1.0 is closed after the answer', async () => {
    const { open } = await arrange();
    const { socket, closed } = await open();
    socket.write(post('{"instances":[7]}', '', '1.0'));
    expect(await closed()).toContain('{"predictions":[7.0]}');
  });

  it('is told to go on before a body that waits for it', async () => {
    const { open } = await arrange({ maxBodyBytes: 100 });
    const { socket, until, received } = await open();
    const [head, body] = post('{"instances":[7]}', 'Expect: 100-continue\r\n').split('\r\n\r\n') as [
      string,
      string,
    ];
    socket.write(`${head}\r\n\r\n`);
    await until('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write(body);
    await until('{"predictions":[7.0]}');
    expect(received().match(/HTTP\/1\.1 200/g)).toHaveLength(1);
  });

  it('is not told to go on where the body would be too long', async () => {
    const { open, expectUnharmed } = await arrange({ maxBodyBytes: 100 });
    const { socket, closed } = await open();
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n`);
    const text = await closed();
    expect(text).toContain('HTTP/1.1 413');
    expect(text).not.toContain('100 Continue');
    expect(text).toContain('{"error":"The request body has more than 100 bytes"}');
    await expectUnharmed();
  });
});

describe('what is no request', () => {
  it.each<[string, string | Buffer, string]>([
    ['garbage', 'hello there\r\n\r\n', 'HTTP/1.1 400'],
    ['TLS', Buffer.from('160301000501000001000303', 'hex'), 'HTTP/1.1 400'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP/1.1 400'],
    ['zeros', Buffer.alloc(10_000), 'HTTP/1.1 400'],
    ['a flood of headers', `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(10_000)}\r\n`, 'HTTP/1.1 431'],
    ['a header without an end', `GET / HTTP/1.1\r\na: ${'b'.repeat(100_000)}`, 'HTTP/1.1 431'],
    ['a length that is none', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n', 'HTTP/1.1 400'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'HTTP/1.1 400',
    ],
    [
      'a piece without a size',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
      'HTTP/1.1 400',
    ],
  ])('%s, is told so and hung up on', async (_what, bytes, status) => {
    const { open, expectUnharmed } = await arrange();
    const { socket, closed } = await open();
    socket.write(bytes);
    const text = await closed();
    expect(text.slice(text.lastIndexOf('HTTP/1.1'))).toContain(status);
    expect(text).toContain('{"error":');
    await expectUnharmed();
  });

  it.each([
    ['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['GET http://a/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
    ['GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n'],
    [`GET /${'a'.repeat(10_000)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`],
  ])('%.60s harms nobody', async (text) => {
    const { open, expectUnharmed } = await arrange();
    const { socket, closed } = await open();
    socket.end(text);
    await closed();
    await expectUnharmed();
  });
});

describe('a client that goes away', () => {
  it('in the middle of its body leaves nothing behind', async () => {
    const { open, expectUnharmed, handler } = await arrange({ maxInFlightBytes: 1_000_000 });
    for (let round = 0; round < 20; round++) {
      const { socket } = await open();
      const sent = Buffer.alloc(500_000, ' ');
      socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n`);
      await new Promise((resolve) => socket.write(sent, resolve));
      socket.destroy();
      await once(socket, 'close');
      await expectUnharmed();
    }
    await handler.close({ graceMs: Number.POSITIVE_INFINITY });
  });

  it('takes what it asked with it', async () => {
    const signals: AbortSignal[] = [];
    const predict: ServingApi['predict'] = (_spec, _inputs, { signal }) => {
      signals.push(signal as AbortSignal);
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    };
    const { open, expectUnharmed } = await arrange({}, standInServer({ predict }));
    const { socket } = await open();
    socket.write(post('{"instances":[1]}'));
    while (signals.length === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    const [signal] = signals as [AbortSignal];
    if (!signal.aborted) await once(signal, 'abort');
    await expectUnharmed();
  });

  it('without reading its answers gives back what they held', async () => {
    const mebibyte = 2 ** 20;
    const y = { dtype: 'string', shape: [1], data: ['x'.repeat(16 * mebibyte)] } as const;
    const predict = async () => ({ id: { model: 'm', version: 1 }, outputs: { y } });
    const { port, send, handler } = await arrange(
      { maxInFlightBytes: 64 * mebibyte },
      standInServer({ predict }),
    );
    const ask = () => {
      const sent = httpRequest({ host: '127.0.0.1', port, method: 'POST', path, agent: false });
      sent.on('error', () => {}).end('{"instances":[1]}');
      return sent;
    };
    // Each is more than sockets take in by themselves; only so many are held as there is room for.
    const sent = Array.from({ length: 10 }, ask);
    const statuses = await Promise.all(
      sent.map(async (each) => {
        const [response] = await once(each, 'response');
        return response.statusCode;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect((await send('GET', '/healthz')).status).toBe(200);
    for (const each of sent) each.destroy();
    for (;;) if ((await send('POST', path, { body: '{"instances":[1]}' })).status === 200) break;
    await handler.close({ graceMs: 0 });
  });
});

describe('a client that takes its time', () => {
  it('over its body is not waited for', async () => {
    const clock = new FakeClock();
    const { open, expectUnharmed } = await arrange({ bodyTimeoutMs: 1000, clock });
    const { socket, closed } = await open();
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{`);
    await expectUnharmed(); // by then the head was read
    clock.advance(1000);
    const text = await closed();
    expect(text).toContain('HTTP/1.1 408');
    expect(text).toContain('{"error":"The request body did not come within 1000 ms"}');
    await expectUnharmed();
  });

  it('and thousands of its connections say nothing harms nobody, and they end with the server', async () => {
    const { open, expectUnharmed, handler } = await arrange();
    const opened = [];
    for (let count = 0; count < 2000; count++) opened.push(await open());
    await expectUnharmed();
    await handler.close();
    await Promise.all(opened.map(({ closed }) => closed()));
  });
});
