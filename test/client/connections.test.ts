import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ModelServer } from 'servable';
import { tensor } from 'servable/client';
import { createGrpcServer } from 'servable/grpc';
import { createHttpHandler } from 'servable/http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Certificates, hasOpenssl } from '../support/certificates.js';
import { clientOf, type WireName, wires } from '../support/client.js';
import * as authored from '../support/onnx/authored-models.js';
import { temporaryFolder, writeModel } from '../support/onnx/model-folder.js';
import { rejection } from '../support/rejection.js';

const folder = temporaryFolder();
const server = new ModelServer({
  models: [{ name: 'linear', basePath: writeModel(folder, 'linear', 1, authored.linear(1, 1)) }],
});
beforeAll(async () => void (await server.start()));
afterAll(() => server.close());

const inputs = { x: tensor('float32', [1], [1]) };

/** Closed with the test. */
async function listenOn(wire: WireName, address: string, tls?: object): Promise<string> {
  const options = tls === undefined ? {} : { tls: tls as { readonly key: string; readonly cert: string } };
  const listener = wire === 'grpc' ? createGrpcServer(server, options) : createHttpHandler(server, options);
  onTestFinished(() => listener.close({ graceMs: 0 }));
  return (await listener.listen(address)).address;
}

describe.each(wires)('a client over %s', (wire) => {
  it('speaks over a socket in the file system', async () => {
    const path = join(folder, `${wire}.sock`);
    await listenOn(wire, `unix:${path}`);
    const client = clientOf(wire === 'grpc' ? `unix:${path}` : `http+unix:${path}`);
    expect((await client.predict('linear', inputs)).outputs.y?.data[0]).toBe(2);
    const nobody = clientOf(wire === 'grpc' ? `unix:${path}0` : `http+unix:${path}0`, { retry: false });
    expect((await rejection(nobody.predict('linear', inputs))).code).toBe('UNAVAILABLE');
  });
});

describe.skipIf(!hasOpenssl).each(wires)('TLS over %s', (wire) => {
  const certificates = new Certificates(folder);
  const authority = certificates.authority('authority');
  const own = certificates.issue(authority, 'localhost', '01');
  const scheme = wire === 'grpc' ? 'grpcs' : 'https';
  const ask = async (address: string, tls: object) => {
    const client = clientOf(`${scheme}://${address}`, { tls, retry: false, timeoutMs: 20_000 });
    return (await client.predict('linear', inputs)).outputs.y?.data[0];
  };

  it('trusts those whom it is told to trust, and no others', async () => {
    const address = await listenOn(wire, '127.0.0.1:0', own);
    expect(await ask(address, { ca: authority.cert })).toBe(2);
    expect(await ask(address, { ca: Buffer.from(authority.cert) })).toBe(2);
    const error = await rejection(ask(address, {}));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message).toMatch(/certificate/);
  });

  it('shows a certificate where the server asks for one', async () => {
    const address = await listenOn(wire, '127.0.0.1:0', { ...own, ca: authority.cert });
    const mine = certificates.issue(authority, 'client', '02');
    expect(await ask(address, { ca: authority.cert, ...mine })).toBe(2);
    expect((await rejection(ask(address, { ca: authority.cert }))).code).toBe('UNAVAILABLE');
  });

  it('looks for the name that it is told to look for', async () => {
    const address = await listenOn(wire, '127.0.0.1:0', own);
    expect(await ask(address, { ca: authority.cert, serverName: 'localhost' })).toBe(2);
    const error = await rejection(ask(address, { ca: authority.cert, serverName: 'elsewhere' }));
    expect(error.code).toBe('UNAVAILABLE');
  });
});

describe('over REST', () => {
  it('a gateway may stand before the server, with a path of its own', async () => {
    const handler = createHttpHandler(server);
    const paths: (string | undefined)[] = [];
    const gateway = createServer((request, response) => {
      paths.push(request.url);
      request.url = request.url?.replace('/behind/it', '') ?? '';
      handler(request, response);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => gateway.once('listening', resolve));
    onTestFinished(async () => {
      gateway.closeAllConnections();
      await new Promise((resolve) => gateway.close(resolve));
    });
    const { port } = gateway.address() as AddressInfo;
    const client = clientOf(`http://127.0.0.1:${port}/behind/it/`);
    expect((await client.predict('linear', inputs)).outputs.y?.data[0]).toBe(2);
    expect(paths).toEqual([
      '/behind/it/v1/models/linear:predict',
      '/behind/it/v1/models/linear/versions/1/metadata',
    ]);
  });

  it.each([
    [502, '<h1>Bad Gateway</h1>', 'UNAVAILABLE'],
    [503, '', 'UNAVAILABLE'],
    [504, '{"error":"late"}', 'DEADLINE_EXCEEDED'],
    [401, 'no', 'UNAUTHENTICATED'],
    [403, 'no', 'PERMISSION_DENIED'],
    [413, 'big', 'RESOURCE_EXHAUSTED'],
    [418, 'tea', 'INVALID_ARGUMENT'],
    [301, '', 'UNKNOWN'],
    [599, '', 'INTERNAL'],
    [200, 'fine', 'DATA_LOSS'],
  ])('the answer %i of a gateway, "%s", is %s', async (status, body, code) => {
    const gateway = createServer((request, response) => {
      request.resume();
      response.writeHead(status).end(body);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => gateway.once('listening', resolve));
    onTestFinished(() => void gateway.close());
    const { port } = gateway.address() as AddressInfo;
    const error = await rejection(
      clientOf(`http://127.0.0.1:${port}`, { retry: false }).classify('a', [{ x: 1 }]),
    );
    expect(error.code).toBe(code);
    const text = body.startsWith('{') ? 'late' : `POST /v1/models/a:classify of http://127.0.0.1:${port}`;
    if (status !== 200) expect(error.message).toContain(text);
  });
});
