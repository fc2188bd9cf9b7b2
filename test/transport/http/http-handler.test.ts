import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, request as httpRequest, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer as createSocketServer } from 'node:net';
import { join } from 'node:path';
import { type CancelSignal, ModelServer, type Tensor, toAbortSignal } from 'servable';
import { createHttpHandler, type ServingApi } from 'servable/http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { caught } from '../../support/caught.js';
import { FakeClock } from '../../support/fake-clock.js';
import { serveHttpForTest } from '../../support/http.js';
import * as authored from '../../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../../support/onnx/model-folder.js';
import { rejection } from '../../support/rejection.js';
import { standInServer } from '../../support/stand-in-server.js';

const folder = temporaryFolder();
const basePath = writeModel(folder, 'linear', 3, authored.linear(0.5, 2));
writeModel(folder, 'linear', 4, authored.linear(1, 0));
const types = writeModel(
  folder,
  'types',
  1,
  authored.passthrough(['float16', 'bfloat16', 'uint64', 'bool', 'string']),
);
const server = new ModelServer({
  models: [
    { name: 'linear', basePath, versionPolicy: { specific: [3, 4] }, labels: { stable: 3, canary: 4 } },
    { name: 'types', basePath: types },
  ],
});
beforeAll(async () => void (await server.start()));
afterAll(() => server.close());

const linear = '/v1/models/linear';

/** A server of a host's own. */
async function listenAs(listener: RequestListener): Promise<string> {
  const host = createServer(listener).listen(0, '127.0.0.1');
  await once(host, 'listening');
  onTestFinished(() => void host.close());
  return `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
}

describe('a prediction', () => {
  it.each([
    ['', '4', [2]],
    ['/versions/3', '3', [3]],
    ['/labels/stable', '3', [3]],
    ['/labels/canary', '4', [2]],
  ])('of "%s" names the version that gave it', async (which, version, predictions) => {
    const { post } = await serveHttpForTest(server);
    const { status, headers, json } = await post(`${linear}${which}:predict`, { instances: [2] });
    expect([status, headers['x-model-version'], json]).toEqual([200, version, { predictions }]);
    expect(headers['content-type']).toBe('application/json');
  });

  it('has every dtype that JSON has something for, halves too', async () => {
    const { post } = await serveHttpForTest(server);
    // Not JSON.stringify: it has no integers of 64 bits.
    const inputs = [
      '"in_float16":[[0.5,65504]]',
      '"in_bfloat16":[[1.5,-2]]',
      '"in_uint64":[[18446744073709551615,1]]',
      '"in_bool":[[true,false]]',
      '"in_string":[["ä",{"b64":"aGVsbG8="}]]',
    ];
    const body = `{"inputs":{${inputs.join()}}}`;
    const answer = await post('/v1/models/types:predict', body);
    expect(answer.text).toContain('"out_uint64":[[18446744073709551615,1]]');
    expect(answer.json.outputs).toMatchObject({
      out_float16: [[0.5, 65504]],
      out_bfloat16: [[1.5, -2]],
      out_bool: [[true, false]],
      out_string: [['ä', 'hello']],
    });
  });

  it.each([
    ['/v1/models/nobody:predict', 404, 'Servable not found for request: Latest(nobody)'],
    [`${linear}/versions/9:predict`, 404, 'Servable not found for request: Specific(linear, 9)'],
    [
      `${linear}/versions/99999999999999999999:predict`,
      400,
      'Failed to convert version: 99999999999999999999 to numeric.',
    ],
    [`${linear}/labels/none:predict`, 400, 'Unrecognized servable version label: none'],
    [`${linear}/labels/%zz:predict`, 400, `Malformed request: POST ${linear}/labels/%zz:predict`],
    [`${linear}:explain`, 400, `Malformed request: POST ${linear}:explain`],
  ])('of %s is refused', async (path, status, error) => {
    const { post } = await serveHttpForTest(server);
    const answer = await post(path, { instances: [2] });
    expect([answer.status, answer.json]).toEqual([status, { error }]);
  });

  it('of a signature that there is not is refused in the words of REST', async () => {
    const { post } = await serveHttpForTest(server);
    const answer = await post(`${linear}:predict`, { signature_name: 'other', instances: [2] });
    expect([answer.status, answer.json.error]).toEqual([
      400,
      'Serving signature name: "other" not found in signature def',
    ]);
  });

  it('that takes too long is answered so', async () => {
    // It waits for company that never comes.
    const batching = { maxBatchSize: 2, batchTimeoutMicros: 3_600_000_000 };
    const patient = await new ModelServer({ models: [{ name: 'linear', basePath, batching }] }).start();
    const { post } = await serveHttpForTest(patient, { timeoutMs: 1 });
    const { status, json } = await post(`${linear}:predict`, { instances: [2] });
    expect([status, json]).toEqual([504, { error: 'The request took longer than its timeout of 1 ms' }]);
    await patient.close();
  });

  it('is given up with its client', async () => {
    let signal: CancelSignal | undefined;
    const predict: ServingApi['predict'] = (_spec, _inputs, options) => {
      signal = options.signal;
      expect(options.timeoutMs).toBe(1234);
      return new Promise(() => {});
    };
    const { port } = await serveHttpForTest(standInServer({ predict }), { timeoutMs: 1234 });
    const sent = httpRequest({ host: '127.0.0.1', port, method: 'POST', path: `${linear}:predict` });
    sent.on('error', () => {});
    sent.end('{"instances":[1]}');
    while (signal === undefined) await new Promise((resolve) => setImmediate(resolve));
    sent.destroy(); // the client has had enough
    await once(toAbortSignal(signal as CancelSignal), 'abort');
  });
});

describe('what is told of models', () => {
  const available = (version: string) => ({
    version,
    state: 'AVAILABLE',
    status: { error_code: 'OK', error_message: '' },
  });

  it('is their list, with what is ready', async () => {
    const { send } = await serveHttpForTest(server);
    const { json } = await send('GET', '/v1/models');
    expect(json.models).toEqual([
      { name: 'linear', ready: true, model_version_status: [available('4'), available('3')] },
      { name: 'types', ready: true, model_version_status: [available('1')] },
    ]);
  });

  it.each([
    ['', [available('4'), available('3')]],
    ['/versions/3', [available('3')]],
    ['/labels/none', [available('4'), available('3')]],
  ])('is the status of "%s"', async (which, model_version_status) => {
    const { send } = await serveHttpForTest(server);
    expect((await send('GET', linear + which)).json).toEqual({ model_version_status });
  });

  it('is the metadata of a version, in the JSON of protobuf', async () => {
    const { send } = await serveHttpForTest(server);
    const { json, headers } = await send('GET', `${linear}/labels/stable/metadata`);
    expect(headers['x-model-version']).toBe('3');
    const tensor = (name: string) => ({
      dtype: 'DT_FLOAT',
      tensor_shape: { dim: [{ size: '-1', name: '' }], unknown_rank: false },
      name,
    });
    expect(json).toEqual({
      model_spec: { name: 'linear', signature_name: '', version: '3' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: { x: tensor('x') },
              outputs: { y: tensor('y') },
              method_name: 'tensorflow/serving/predict',
              defaults: {},
            },
          },
        },
      },
    });
  });

  it.each([
    ['/ready', 200],
    ['/versions/3/ready', 200],
    ['/versions/5/ready', 503],
    ['/labels/stable/ready', 200],
    ['/labels/none/ready', 503],
  ])('is whether %s', async (which, status) => {
    const { send } = await serveHttpForTest(server);
    expect((await send('GET', linear + which)).status).toBe(status);
  });

  it('is that a model is not there, and then not ready either', async () => {
    const { send } = await serveHttpForTest(server);
    expect((await send('GET', '/v1/models/nobody/ready')).status).toBe(404);
    const idle = new ModelServer({ models: [{ name: 'linear', basePath }] });
    const { send: ask } = await serveHttpForTest(idle);
    expect((await ask('GET', `${linear}/ready`)).status).toBe(503);
    expect((await ask('GET', '/readyz')).status).toBe(503);
    await idle.close();
  });
});

describe('other paths', () => {
  it.each<[string, string, number, string]>([
    ['GET', '/healthz', 200, '{"status":"ok"}'],
    ['HEAD', '/healthz', 200, ''],
    ['GET', '/readyz', 200, '{"status":"ready"}'],
    ['GET', '/', 404, '{"error":"Not found: GET /"}'],
    ['POST', '/healthz', 404, '{"error":"Not found: POST /healthz"}'],
    [
      'GET',
      '/monitoring/prometheus/metrics',
      404,
      '{"error":"Not found: GET /monitoring/prometheus/metrics"}',
    ],
    ['PUT', '/v1/models/linear', 400, '{"error":"Malformed request: PUT /v1/models/linear"}'],
  ])('%s %s', async (method, path, status, text) => {
    const { send } = await serveHttpForTest(server);
    const answer = await send(method, path);
    expect([answer.status, answer.text]).toEqual([status, text]);
  });

  it('may be that of metrics, in whatever form their registry has', async () => {
    const source = { contentType: 'text/plain; version=0.0.4', metrics: async () => 'a_total 1\n' };
    const { send } = await serveHttpForTest(server, { metrics: { source, path: '/metrics' } });
    const answer = await send('GET', '/metrics');
    expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([
      200,
      source.contentType,
      'a_total 1\n',
    ]);
    expect((await send('GET', '/metrics?x')).text).toBe('Unexpected path: /metrics?x. Should be /metrics');
    expect((await send('GET', '/metricsandmore')).status).toBe(404);
  });

  it('of metrics that cannot be printed is an error of the server', async () => {
    const source = { contentType: 'text/plain', metrics: () => Promise.reject(new Error('no metrics')) };
    const { send } = await serveHttpForTest(server, { metrics: { source } });
    expect((await send('GET', '/monitoring/prometheus/metrics')).status).toBe(500);
  });
});

describe('pages of other sites', () => {
  const origin = { origin: 'https://example.org' };

  it('may ask where cors is on', async () => {
    const { send, post } = await serveHttpForTest(server, { cors: true });
    const preflight = await send('OPTIONS', `${linear}:predict`, { headers: origin });
    expect(preflight.status).toBe(200);
    expect(preflight.headers['content-type']).toBeUndefined();
    for (const { headers } of [preflight, await post(`${linear}:predict`, 'x'), await send('GET', linear)]) {
      expect(headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'POST, GET',
        'access-control-allow-headers': 'Content-Type',
      });
    }
  });

  it('are told nothing where it is off', async () => {
    const { send } = await serveHttpForTest(server);
    const preflight = await send('OPTIONS', `${linear}:predict`, { headers: origin });
    expect([preflight.status, preflight.text]).toEqual([200, '']);
    expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('a handler', () => {
  it('answers requests of the Fetch standard', async () => {
    const { fetch } = createHttpHandler(server, { maxBodyBytes: 1000 });
    const ask = (path: string, init?: RequestInit) => fetch(new Request(`http://localhost${path}`, init));
    const good = await ask(`${linear}:predict`, { method: 'POST', body: '{"instances":[2]}' });
    expect([good.status, await good.json(), good.headers.get('x-model-version')]).toEqual([
      200,
      { predictions: [2] },
      '4',
    ]);
    expect((await ask('/readyz', { method: 'HEAD' })).body).toBeNull();
    expect((await ask(linear)).status).toBe(200);
    expect((await ask(`${linear}:predict`, { method: 'POST', body: ' '.repeat(1001) })).status).toBe(413);
    expect((await ask(`${linear}:predict`, { method: 'POST' })).status).toBe(400);
  });

  it('gives up what a Request asks when that is aborted', async () => {
    let asked: CancelSignal | undefined;
    const predict: ServingApi['predict'] = (_spec, _inputs, { signal }) => {
      asked = signal;
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('gone'))));
    };
    const abort = new AbortController();
    const init = { method: 'POST', body: '{"instances":[2]}', signal: abort.signal };
    const answer = createHttpHandler(standInServer({ predict })).fetch(
      new Request(`http://localhost${linear}:predict`, init),
    );
    while (asked === undefined) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    expect((await answer).status).toBe(500);
  });

  it('takes the bytes that a body parser left', async () => {
    const handler = createHttpHandler(server);
    const base = await listenAs(async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece);
      handler(Object.assign(request, { body: Buffer.concat(pieces) }), response);
    });
    const init = { method: 'POST', body: '{"instances":[2]}' };
    const answer = await fetch(`${base}${linear}:predict`, init);
    expect(await answer.json()).toEqual({ predictions: [2] });
  });

  it('says so when a body parser left nothing', async () => {
    const handler = createHttpHandler(server);
    const base = await listenAs((request, response) => {
      request.resume().once('end', () => handler(request, response));
    });
    const init = { method: 'POST', body: '{"instances":[2]}' };
    const answer = await fetch(`${base}${linear}:predict`, init);
    expect(await answer.text()).toContain('The body was read before');
  });

  it('listens on a socket in the file system, and replaces one that was left behind', async () => {
    const path = join(temporaryFolder(), 'rest.sock');
    for (let round = 0; round < 2; round++) {
      const handler = createHttpHandler(server);
      expect(await handler.listen(`unix:${path}`)).toEqual({ address: `unix:${path}` });
      const sent = httpRequest({ socketPath: path, path: '/healthz' }).end();
      const [response] = await once(sent, 'response');
      expect(response.statusCode).toBe(200);
      response.resume();
      await handler.close();
      expect(existsSync(path)).toBe(false);
    }
  });

  it('refuses an address that is taken, or is none, or comes too late', async () => {
    const other = createSocketServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const handler = createHttpHandler(server);
    expect((await rejection(handler.listen(`127.0.0.1:${port}`))).message).toContain('EADDRINUSE');
    expect((await rejection(handler.listen('nowhere'))).code).toBe('INVALID_ARGUMENT');
    await handler.close();
    expect((await rejection(handler.listen('127.0.0.1:0'))).code).toBe('FAILED_PRECONDITION');
  });

  it('does not listen when it was closed meanwhile', async () => {
    const handler = createHttpHandler(server);
    const path = join(temporaryFolder(), 'late.sock');
    const listening = rejection(handler.listen(`unix:${path}`));
    await handler.close();
    expect((await listening).code).toBe('FAILED_PRECONDITION');
    expect(existsSync(path)).toBe(false);
  });

  it('hangs up where a host has it answer with headers that are none', async () => {
    const source = { contentType: 'a\nb', metrics: () => '' };
    const { send } = await serveHttpForTest(server, { metrics: { source, path: '/metrics' } });
    await expect(send('GET', '/metrics')).rejects.toThrow('socket hang up');
    expect((await send('GET', '/healthz')).status).toBe(200);
  });

  it.each<[object, string]>([
    [{ maxBodyBytes: 0 }, 'maxBodyBytes'],
    [{ timeoutMs: -1 }, 'timeoutMs'],
    [{ cors: 'yes' }, 'cors'],
    [{ metrics: { source: {} } }, 'metrics.source'],
    [{ metrics: { source: { metrics: () => '', contentType: '' }, path: 'm' } }, 'metrics.path'],
    [{ keepAliveTimeoutMs: Number.POSITIVE_INFINITY }, 'keepAliveTimeoutMs'],
    [{ timeoutMS: 1 }, 'timeoutMS'],
    [{ tls: { key: 'x' } }, 'tls.cert'],
  ])('refuses the options %j', (options, option) => {
    expect(caught(() => createHttpHandler(server, options)).message).toContain(option);
  });
});

describe('closing', () => {
  const waiting = () => {
    const answers: ((tensor: Tensor) => void)[] = [];
    const predict: ServingApi['predict'] = () =>
      new Promise((resolve) => {
        answers.push((y) => resolve({ id: { model: 'm', version: 1 }, outputs: { y } }));
      });
    return { api: standInServer({ predict }), answers };
  };
  const y: Tensor = { dtype: 'float32', shape: [1], data: Float32Array.of(7) };

  it('answers what is under way, as the last thing on its connection', async () => {
    const { api, answers } = waiting();
    const { handler, post, send } = await serveHttpForTest(api);
    const answer = post('/v1/models/m:predict', { instances: [1] }, { connection: 'keep-alive' });
    while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closed = handler.close({ graceMs: Number.POSITIVE_INFINITY });
    answers[0]?.(y);
    expect((await answer).json).toEqual({ predictions: [7] });
    expect((await answer).headers.connection).toBe('close');
    await closed;
    await expect(send('GET', '/healthz')).rejects.toThrow('ECONNREFUSED');
  });

  it('says that it is not ready for a while before', async () => {
    const clock = new FakeClock();
    const { handler, send } = await serveHttpForTest(server, { clock });
    const closed = handler.close({ lameDuckMs: 1000 });
    const answer = await send('GET', '/readyz');
    expect([answer.status, answer.headers.connection]).toEqual([503, 'close']);
    expect((await send('GET', linear)).status).toBe(200);
    clock.advance(1000);
    await closed;
  });

  it('cuts off what does not end in time', async () => {
    const clock = new FakeClock();
    const { api, answers } = waiting();
    const { handler, post } = await serveHttpForTest(api, { clock });
    const answer = post('/v1/models/m:predict', { instances: [1] });
    const cutOff = expect(answer).rejects.toThrow('socket hang up');
    while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closed = handler.close({ graceMs: 5000 });
    clock.advance(5000);
    await closed;
    await cutOff;
  });

  it('does not wait for connections that never asked anything', async () => {
    const clock = new FakeClock();
    const { handler, port } = await serveHttpForTest(server, { clock });
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const closed = handler.close({ graceMs: Number.POSITIVE_INFINITY });
    clock.advance(500);
    await closed;
    socket.destroy();
  });

  it('is done once, and refuses times that are none', async () => {
    const { handler } = await serveHttpForTest(server);
    expect(caught(() => handler.close({ graceMs: -1 })).code).toBe('INVALID_ARGUMENT');
    expect(handler.close()).toBe(handler.close());
    await handler.close();
  });
});
