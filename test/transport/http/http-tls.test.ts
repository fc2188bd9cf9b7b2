import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { createHttpHandler, type HttpHandler, type HttpHandlerOptions } from 'servable/http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Certificates, hasOpenssl } from '../../support/certificates.js';
import { FakeClock } from '../../support/fake-clock.js';
import { temporaryFolder } from '../../support/onnx/model-folder.js';
import { rejection } from '../../support/rejection.js';
import { standInServer } from '../../support/stand-in-server.js';

const folder = temporaryFolder();

async function serve(options: HttpHandlerOptions): Promise<{ handler: HttpHandler; port: number }> {
  const handler = createHttpHandler(standInServer({}), options);
  onTestFinished(() => handler.close({ graceMs: 0 }));
  const { port = 0 } = await handler.listen('127.0.0.1:0');
  return { handler, port };
}

async function ask(port: number, options: RequestOptions) {
  const sent = request({ host: '127.0.0.1', port, path: '/healthz', agent: new Agent(), ...options }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
  response.resume();
  return { status: response.statusCode, serialNumber };
}

describe.skipIf(!hasOpenssl)('TLS', () => {
  const certificates = new Certificates(folder);
  const authority = certificates.authority('authority');
  const first = certificates.issue(authority, 'localhost', '01');
  const second = certificates.issue(authority, 'localhost', '02');
  const trusting = { ca: authority.cert };

  it('is what listens where there are certificates', async () => {
    const { port } = await serve({ tls: first });
    expect(await ask(port, trusting)).toEqual({ status: 200, serialNumber: '01' });
  });

  it('asks clients for theirs', async () => {
    const { port } = await serve({ tls: { ...first, ca: authority.cert } });
    expect(await ask(port, { ...trusting, ...second })).toMatchObject({ status: 200 });
    await expect(ask(port, trusting)).rejects.toThrow();
  });

  it('takes over files that are replaced, for new connections', async () => {
    const files = { keyFile: join(folder, 'key.pem'), certFile: join(folder, 'cert.pem') };
    const write = ({ key, cert }: typeof first) => {
      writeFileSync(files.keyFile, key);
      writeFileSync(files.certFile, cert);
    };
    write(first);
    const clock = new FakeClock();
    const { port } = await serve({ tls: { ...files, pollIntervalMs: 1000 }, clock });
    expect(await ask(port, trusting)).toMatchObject({ serialNumber: '01' });
    write(second);
    for (;;) {
      clock.advance(1000);
      if ((await ask(port, trusting)).serialNumber === '02') break;
    }
  });

  it('does not begin with what is no key', async () => {
    const handler = createHttpHandler(standInServer({}), { tls: { key: 'no key', cert: first.cert } });
    const error = await rejection(handler.listen('127.0.0.1:0'));
    expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('tls.key')]);
    await handler.close();
  });
});
