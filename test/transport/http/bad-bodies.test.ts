import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ModelServer } from 'servable';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveHttpForTest } from '../../support/http.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';
import { collectUncaught } from '../../support/uncaught.js';

/** Seeds that ever failed. */
const failedSeeds: readonly number[] = [];
/** More of them for a long night: SERVABLE_RANDOM_RUNS=100. */
const runs = Number(process.env.SERVABLE_RANDOM_RUNS ?? 1);
const newSeeds = Array.from({ length: runs }, () => Math.floor(Math.random() * 2 ** 31));

const mebibyte = 2 ** 20;
const path = '/v1/models/linear:predict';
const signatures = {
  classify: { method: 'classify', outputs: { scores: 'y' } },
  regress: { method: 'regress', outputs: { outputs: 'y' } },
};
const basePath = writeModel(temporaryFolder(), 'linear', 1, authored.linear(1, 0), {
  'signatures.json': JSON.stringify(signatures),
});
const server = new ModelServer({ models: [{ name: 'linear', basePath }] });
beforeAll(async () => void (await server.start()));
afterAll(() => server.close());

const gzip = { 'content-encoding': 'gzip' };
const body = JSON.stringify({ instances: Array(1000).fill(0.5) });

describe('a compressed body', () => {
  it('is inflated', async () => {
    const { post } = await serveHttpForTest(server);
    const { status, json } = await post(path, gzipSync(body), { 'content-encoding': 'x-gzip, gzip' });
    expect([status, json.predictions.length]).toEqual([200, 1000]);
  });

  it.each<[string, Buffer]>([
    ['is cut off', gzipSync(body).subarray(0, -20)],
    ['is none', Buffer.from(body)],
    ['is empty', Buffer.alloc(0)],
    ['is broken within', Buffer.concat([gzipSync(body).subarray(0, 15), Buffer.alloc(20, 0xff)])],
  ])('that %s is as good as none', async (_what, bytes) => {
    const { post } = await serveHttpForTest(server);
    const { status, json } = await post(path, bytes, gzip);
    expect([status, json]).toEqual([400, { error: 'JSON Parse error: The document is empty' }]);
  });

  it('that grows too large is not waited for', async () => {
    const { post } = await serveHttpForTest(server, { maxBodyBytes: mebibyte });
    const { status, headers } = await post(path, gzipSync(Buffer.alloc(500 * mebibyte)), gzip);
    expect([status, headers.connection]).toEqual([413, 'close']);
  });

  it('that is malformed takes no memory, 100 times over', async () => {
    const { post } = await serveHttpForTest(server);
    const cut = gzipSync(Buffer.alloc(mebibyte, 'x')).subarray(0, -100);
    const send = async (count: number) => {
      for (let round = 0; round < count; round++) expect((await post(path, cut, gzip)).status).toBe(400);
    };
    await send(20);
    const before = process.memoryUsage.rss();
    await send(100);
    expect(process.memoryUsage.rss() - before).toBeLessThan(32 * mebibyte);
  });

  it('that is a bomb takes no more than there is for all', async () => {
    const { post } = await serveHttpForTest(server, { maxInFlightBytes: 8 * mebibyte });
    const bomb = gzipSync(Buffer.alloc(60 * mebibyte, ' '));
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(path, bomb, gzip)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([429]));
    expect((await post(path, body)).status).toBe(200);
  });
});

describe('a body in pieces', () => {
  /** Sends a body byte by byte, each in a chunk of its own; many of them in one write, as a fast network would. */
  async function sendChunks(port: number, bytes: Buffer): Promise<number> {
    const sent = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', agent: false });
    const answered = new Promise<number>((resolve, reject) => {
      sent.on('error', reject).on('response', (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      });
    });
    sent.setHeader('transfer-encoding', 'chunked');
    sent.flushHeaders();
    const [socket] = await new Promise<[import('node:net').Socket]>((resolve) => {
      if (sent.socket?.connecting === false) resolve([sent.socket]);
      else sent.once('socket', (own) => own.once('connect', () => resolve([own])));
    });
    for (let start = 0; start < bytes.length; start += 10_000) {
      let chunks = '';
      for (const byte of bytes.subarray(start, start + 10_000))
        chunks += `1\r\n${String.fromCharCode(byte)}\r\n`;
      if (!socket.write(chunks, 'latin1')) await new Promise((resolve) => socket.once('drain', resolve));
    }
    socket.write('0\r\n\r\n');
    return await answered;
  }

  it('of which there are a million is answered, and takes no memory for them', async () => {
    const { port } = await serveHttpForTest(server);
    const bytes = Buffer.from(' '.repeat(1_000_000) + body);
    for (let round = 0; round < 3; round++) expect(await sendChunks(port, bytes)).toBe(200);
    const before = process.memoryUsage.rss();
    for (let round = 0; round < 5; round++) expect(await sendChunks(port, bytes)).toBe(200);
    expect(process.memoryUsage.rss() - before).toBeLessThan(16 * mebibyte);
  });

  it('that become too many is not waited for', async () => {
    const { port } = await serveHttpForTest(server, { maxBodyBytes: 1000 });
    expect(await sendChunks(port, Buffer.alloc(1001, ' '))).toBe(413);
  });
});

describe('what bodies hold', () => {
  it('is bounded, and given back', async () => {
    const { post, send } = await serveHttpForTest(server, { maxInFlightBytes: 4 * mebibyte });
    const large = `{"instances":[1]${' '.repeat(6 * mebibyte)}}`;
    const many = JSON.stringify({ instances: Array(mebibyte).fill(1) }); // 2 MiB that become 4
    expect((await post(path, large)).status).toBe(429);
    expect((await post(path, many)).status).toBe(429);
    expect((await send('GET', '/v1/models/linear')).status).toBe(200);
    for (let round = 0; round < 20; round++) {
      expect((await post(path, `{"instances":[1]${' '.repeat(3 * mebibyte)}}`)).status).toBe(200);
    }
  });

  it('is refused beyond the limit, whatever is in it', async () => {
    const { post } = await serveHttpForTest(server, { maxBodyBytes: 1000 });
    const { status, json } = await post(path, ' '.repeat(1001));
    expect([status, json]).toEqual([413, { error: 'The request body has more than 1000 bytes' }]);
  });
});

describe('any body', () => {
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.double(),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc.string({ unit: 'binary' }),
      fc.constantFrom<unknown>({ b64: 'AAAA' }, { b64: '*' }, [], {}, 1e308, -0),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('x', 'y', 'b64'), tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const keys = fc.constantFrom('instances', 'inputs', 'examples', 'context', 'signature_name');
  const texts = fc.oneof(
    fc.dictionary(keys, values, { maxKeys: 3 }).map((each) => Buffer.from(JSON.stringify(each))),
    fc.tuple(keys, fc.string()).map(([key, text]) => Buffer.from(`{"${key}":${text}`)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  const known = new Set([200, 400, 404, 501]);

  it.each([...failedSeeds, ...newSeeds])('is answered, and the process lives (seed %i)', async (seed) => {
    const uncaught = collectUncaught();
    const { post } = await serveHttpForTest(server);
    const check = async (bytes: Buffer, method: string, headers: object) => {
      const answer = await post(`/v1/models/linear:${method}`, bytes, { ...headers });
      expect(known).toContain(answer.status);
      if (answer.status !== 200) expect(typeof answer.json.error).toBe('string');
    };
    const methods = fc.constantFrom('predict', 'classify', 'regress');
    const property = fc.asyncProperty(texts, methods, fc.constantFrom({}, {}, {}, gzip), check);
    await fc.assert(property, { seed, numRuns: 500 });
    expect(await uncaught.uncaught()).toEqual([]);
  });
});
