import { createServer } from 'node:net';
import { ServableClient, type ServableClientOptions } from 'servable/client';
import { describe, expect, it } from 'vitest';
import { resolveClientOptions } from '#dist/client/client-options.js';
import { parseAddress } from '#dist/client/server-address.js';
import { caught } from '../support/caught.js';

const expectedAddress =
  'grpc://host:port, grpcs://host:port, http://host:port, https://host:port, unix:/path or http+unix:/path';

describe('an address', () => {
  it.each<[string, string, boolean, string, number, string]>([
    ['grpc://digits:8500', 'grpc', false, 'digits', 8500, ''],
    ['grpc://digits', 'grpc', false, 'digits', 8500, ''],
    ['grpc://digits:80', 'grpc', false, 'digits', 80, ''],
    ['grpcs://digits:443/', 'grpc', true, 'digits', 443, ''],
    ['grpc://[::1]:9000', 'grpc', false, '::1', 9000, ''],
    ['http://10.0.0.1:8501', 'rest', false, '10.0.0.1', 8501, ''],
    ['http://digits', 'rest', false, 'digits', 80, ''],
    ['https://digits', 'rest', true, 'digits', 443, ''],
    ['https://gate:444/behind/it/', 'rest', true, 'gate', 444, '/behind/it'],
  ])('%s means what it says', (text, wire, isSecure, host, port, prefix) => {
    expect(parseAddress(text)).toEqual({ text, wire, isSecure, host, port, prefix });
  });

  it.each([
    ['unix:/run/s.sock', 'grpc', '/run/s.sock'],
    ['unix:///run/s.sock', 'grpc', '/run/s.sock'],
    ['unix:relative.sock', 'grpc', 'relative.sock'],
    ['http+unix:/run/s.sock', 'rest', '/run/s.sock'],
  ])('%s is a socket', (text, wire, socketPath) => {
    expect(parseAddress(text)).toMatchObject({ wire, socketPath, isSecure: false });
  });

  it.each<[unknown, string]>([
    ['localhost:8500', '"localhost:8500"'],
    ['', '""'],
    ['ftp://host', '"ftp://host"'],
    ['grpc://', '"grpc://"'],
    ['grpc://host:8500/path', '"grpc://host:8500/path"'],
    ['http://user:secret@host', '"http://user:secret@host"'],
    ['http://host?query', '"http://host?query"'],
    ['http://host:99999', '"http://host:99999"'],
    ['unix:', '"unix:"'],
    [undefined, 'undefined'],
    [8500, '8500'],
  ])('%s is none', (address, actual) => {
    const error = caught(() => parseAddress(address));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', option: 'address', actual });
    expect(error.message).toBe(`Cannot use option address: got ${actual}, expected ${expectedAddress}`);
  });
});

describe('the options of a client', () => {
  const address = 'grpc://127.0.0.1:1';

  it('have defaults that its documentation states', () => {
    expect(resolveClientOptions({ address })).toMatchObject({
      connections: 1,
      timeoutMs: 60_000,
      retry: { maxAttempts: 3, initialBackoffMs: 100, maxBackoffMs: 5000, multiplier: 2, jitter: 1 },
      keepAliveMs: 60_000,
      keepAliveTimeoutMs: 20_000,
      maxReceiveBytes: Number.POSITIVE_INFINITY,
      maxSendBytes: Number.POSITIVE_INFINITY,
    });
    expect(resolveClientOptions({ address: 'http://127.0.0.1:1' }).connections).toBe(64);
    expect(resolveClientOptions({ address, retry: false }).retry.maxAttempts).toBe(1);
    expect(resolveClientOptions({ address, retry: { maxAttempts: 5 } }).retry).toMatchObject({
      maxAttempts: 5,
      multiplier: 2,
    });
  });

  it.each<[string, object]>([
    ['connections', { connections: 0 }],
    ['connections', { connections: 1.5 }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: Number.NaN }],
    ['keepAliveMs', { keepAliveMs: -1 }],
    ['keepAliveTimeoutMs', { keepAliveTimeoutMs: Number.POSITIVE_INFINITY }],
    ['maxReceiveBytes', { maxReceiveBytes: 0 }],
    ['maxSendBytes', { maxSendBytes: '1' }],
    ['retry', { retry: true }],
    ['retry.maxAttempts', { retry: { maxAttempts: 0 } }],
    ['retry.jitter', { retry: { jitter: 2 } }],
    ['retry.multiplier', { retry: { multiplier: 0.5 } }],
    ['retry.maxBackoffMs', { retry: { maxBackoffMs: -1 } }],
    ['retry.attempts', { retry: { attempts: 2 } }],
    ['tls', { tls: {} }],
    ['tls.key', { address: 'grpcs://host', tls: { cert: 'PEM' } }],
    ['tls.ca', { address: 'grpcs://host', tls: { ca: 1 } }],
    ['tls.name', { address: 'grpcs://host', tls: { name: 'host' } }],
    ['headers["Authorization"]', { headers: { Authorization: 'Bearer' } }],
    ['headers["a"]', { headers: { a: 'two\r\nlines' } }],
    ['headers["a-bin"]', { headers: { 'a-bin': 'a' } }],
    ['channelArguments["grpc.x"]', { channelArguments: { 'grpc.x': true } }],
    ['retries', { retries: 3 }],
  ])('are refused where %s is wrong: %j', (option, options) => {
    const error = caught(() => new ServableClient({ address, ...options } as ServableClientOptions));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', option });
  });

  it('never show a key that is refused', () => {
    const tls = { key: 'SECRET', cert: 'PEM' };
    expect(caught(() => new ServableClient({ address, tls })).message).not.toContain('SECRET');
  });

  it('are all that the constructor looks at: nobody is called', async () => {
    let connections = 0;
    const server = createServer(() => connections++).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { readonly port: number };
    for (const scheme of ['grpc', 'http']) {
      const client = new ServableClient({ address: `${scheme}://127.0.0.1:${port}` });
      await client.close();
    }
    await new Promise((resolve) => server.close(resolve));
    expect(connections).toBe(0);
  });
});
