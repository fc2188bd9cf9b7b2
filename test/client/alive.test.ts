import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { clientOf, scriptedServer, wires } from '../support/client.js';
import { relayTo } from '../support/raw-grpc.js';
import { rejection } from '../support/rejection.js';

/** A server of HTTP/2 that takes calls, and says nothing. */
async function listen() {
  const sessions: ServerHttp2Session[] = [];
  const server = createServer().listen(0, '127.0.0.1');
  server.on('session', (session) => {
    sessions.push(session.on('error', () => {}));
  });
  server.on('stream', (stream: ServerHttp2Stream) => void stream.on('error', () => {}));
  await once(server, 'listening');
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { server, address: `grpc://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

it.each<[string, object, number]>([
  ['of 4 MiB', {}, 4 * 2 ** 20],
  ['of what it is told', { channelArguments: { 'grpc-node.flow_control_window': 2 ** 20 } }, 2 ** 20],
])('a server may send ahead a window %s', async (_what, options, bytes) => {
  const { server, address } = await listen();
  const answer = rejection(clientOf(address, { retry: false, ...options }).predict('m', {}));
  const [{ session }] = (await once(server, 'stream')) as [ServerHttp2Stream];
  expect(session?.remoteSettings?.initialWindowSize).toBe(bytes);
  expect(session?.state.remoteWindowSize).toBeGreaterThanOrEqual(bytes - 100); // of the whole connection
  session?.destroy();
  expect((await answer).code).toBe('UNAVAILABLE');
});

it('a server that may have vanished is asked whether it is there, while a call is under way', async () => {
  const { server, address } = await listen();
  const client = clientOf(address, { keepAliveMs: 10, retry: false });
  const answer = rejection(client.predict('m', {}));
  const [session] = (await once(server, 'session')) as [ServerHttp2Session];
  await once(session, 'ping');
  session.destroy();
  expect((await answer).code).toBe('UNAVAILABLE');
});

it('a server that does not answer pings is given up', async () => {
  const { server, address } = await listen();
  const relay = await relayTo(address.replace('grpc://', ''));
  onTestFinished(() => relay.end());
  const options = { keepAliveMs: 10, keepAliveTimeoutMs: 10, retry: false } as const;
  const answer = rejection(clientOf(`grpc://${relay.address}`, options).predict('m', {}));
  await once(server, 'stream');
  relay.stopReading();
  expect((await answer).code).toBe('UNAVAILABLE');
});

const program = `
  import { ServableClient } from 'servable/client';
  const retry = { maxAttempts: 2, initialBackoffMs: 20, jitter: 0 };
  const client = new ServableClient({ address: process.argv[1], retry }); // which nobody closes
  console.log(await client.predict('stub', {}).then(({ id }) => id.version, ({ code }) => code));
`;

async function run(address: string): Promise<string> {
  const args = ['--input-type=module', '--eval', program, address];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  return stdout.trim();
}

it.each(wires)('an idle client over %s does not keep its process alive', async (wire) => {
  const { address } = await scriptedServer(wire, () => ({ y: 1 }));
  expect(await run(address)).toBe('1');
});

it.each(['grpc', 'http'])(
  'a wait before another attempt over %s does not end the process',
  async (scheme) => {
    expect(await run(`${scheme}://127.0.0.1:1`)).toBe('UNAVAILABLE');
  },
);
